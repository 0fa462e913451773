package dev.flowtraining.trainer.collective;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Ranks on GPUs: buffers of the device go through NCCL, everything else, the watch over peers among it, over the ring of
 * sockets. When a peer is lost or NCCL reports an error, its communicator is aborted, so that no wait for the device
 * outlasts the peer.
 */
public final class Nccl implements Collective {
  private static final Duration LOOK = Duration.ofSeconds(1);
  private static final Duration LONGEST_ABORT = Duration.ofSeconds(5);

  private final Collective hosts;
  private final NcclCommunicator communicator;
  private final LongSupplier stream;
  private final Thread watch;
  private volatile boolean closed;

  private Nccl(Collective hosts, NcclCommunicator communicator, LongSupplier stream) {
    this.hosts = hosts;
    this.communicator = communicator;
    this.stream = stream;
    watch = Thread.ofPlatform().daemon().name("nccl-watch").unstarted(this::watch);
  }

  /**
   * Waits for all ranks. The thread's current device is this rank's.
   *
   * @param hosts how the ranks talk already
   * @param stream the current one of libtorch, as a {@code cudaStream_t}
   */
  public static Nccl over(Collective hosts, LongSupplier stream) {
    byte[] id = hosts.rank() == 0 ? NcclCommunicator.uniqueId() : new byte[NcclCommunicator.ID_BYTES];
    hosts.broadcast(MemorySegment.ofArray(id), 0);
    NcclCommunicator communicator = NcclCommunicator.join(id, hosts.worldSize(), hosts.rank());
    Nccl nccl = new Nccl(hosts, communicator, stream);
    hosts.whenPeerLost(communicator::abort);
    nccl.watch.start();
    return nccl;
  }

  private void watch() {
    while (!closed) {
      try {
        Thread.sleep(LOOK);
        String error = communicator.asyncError();
        if (error != null && !closed) {
          hosts.abort("NCCL: " + error);
          communicator.abort();
          return;
        }
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  @Override
  public int rank() {
    return hosts.rank();
  }

  @Override
  public int worldSize() {
    return hosts.worldSize();
  }

  /** Of the device's memory; returns before it is done, and what is asked of the stream later sees the sums. */
  @Override
  public void allReduce(MemorySegment floats) {
    checkPeers();
    communicator.allReduce(floats, stream.getAsLong());
  }

  @Override
  public void reduceScatter(MemorySegment floats, MemorySegment part) {
    checkPeers();
    communicator.reduceScatter(floats, part, stream.getAsLong());
  }

  @Override
  public void reduce(MemorySegment floats, int root) {
    checkPeers();
    communicator.reduce(floats, root, stream.getAsLong());
  }

  @Override
  public void allGather(MemorySegment part, MemorySegment floats) {
    checkPeers();
    communicator.allGather(part, floats, stream.getAsLong());
  }

  @Override
  public double[] allReduce(double... values) {
    return hosts.allReduce(values);
  }

  @Override
  public void broadcast(MemorySegment bytes, int root) {
    hosts.broadcast(bytes, root);
  }

  @Override
  public void barrier() {
    hosts.barrier();
  }

  @Override
  public void checkPeers() {
    hosts.checkPeers();
  }

  @Override
  public void whenPeerLost(Runnable action) {
    hosts.whenPeerLost(action);
  }

  @Override
  public void close() {
    closed = true;
    watch.interrupt();
    hosts.close();
    communicator.close();
  }

  @Override
  public void abort(String reason) {
    closed = true;
    watch.interrupt();
    hosts.abort(reason);
    // the process is about to end, which an abort that another thread has begun would not survive
    Thread aborting = Thread.ofPlatform().daemon().name("nccl-abort").start(communicator::abort);
    try {
      aborting.join(LONGEST_ABORT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
