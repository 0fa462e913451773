package dev.flowtraining.trainer.collective;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.StageFailure;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Ranks in a ring: each sends to the next and receives from the one before. An all-reduce is a reduce-scatter and an
 * all-gather over {@code worldSize} chunks, sent in pieces so that a piece travels on while the next one arrives. Chunk
 * c is summed in the order c+1, c+2 … c of the ranks, whatever the timing, and its sum is complete at rank c.
 */
final class TcpRing implements Collective {
  private static final int PIECE = 256 << 10;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private enum Kind { SUM, SCATTER, GATHER, BROADCAST }

  private final int rank;
  private final int worldSize;
  private final Neighbours neighbours;
  private final Heartbeat heartbeat;
  private final LinkedBlockingQueue<ByteBuffer> outgoing = new LinkedBlockingQueue<>();
  private final Thread sending;
  private final Object sent = new Object();
  private long queued;
  private long written;
  private final Arena arena = Arena.ofAuto();
  private final MemorySegment incoming = arena.allocate(PIECE, 64);
  private final ByteBuffer header = arena.allocate(16, 8).asByteBuffer().order(ByteOrder.nativeOrder());
  private int sequence;
  private volatile boolean closed;
  private final List<Runnable> whenPeerLost = new CopyOnWriteArrayList<>();

  private TcpRing(Ranks ranks, Neighbours neighbours, Map<Integer, Wire> wires, Duration timeout) {
    rank = ranks.rank();
    worldSize = ranks.worldSize();
    this.neighbours = neighbours;
    heartbeat = new Heartbeat(rank, wires, timeout, reason -> lost());
    sending = Thread.ofPlatform().daemon().name("ring-sender").unstarted(this::sendQueued);
  }

  static TcpRing connect(Ranks ranks, ServerSocketChannel listener, String session, List<Rendezvous.Seat> seats,
      Map<Integer, Wire> wires, long deadline, Duration peerTimeout) throws IOException {
    var ring = new TcpRing(ranks, Neighbours.join(ranks, listener, session, seats, deadline), wires, peerTimeout);
    ring.sending.start();
    ring.heartbeat.start();
    return ring;
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int worldSize() {
    return worldSize;
  }

  @Override
  public void allReduce(MemorySegment floats) {
    if (floats.byteSize() % Float.BYTES != 0) {
      throw new IllegalArgumentException("not whole floats: " + floats.byteSize() + " bytes");
    }
    collectively(Kind.SUM, floats.byteSize(), () -> {
      sumOwnChunk(floats, true);
      for (int step = 1; step < worldSize; step++) {
        receive(chunk(floats, rank - step), false, step < worldSize - 1);
      }
    });
  }

  /** @param passOn whether the sum goes to the next rank as soon as a piece of it is complete */
  private void sumOwnChunk(MemorySegment floats, boolean passOn) throws IOException {
    queue(chunk(floats, rank - 1));
    for (int step = 2; step <= worldSize; step++) {
      receive(chunk(floats, rank - step), true, step < worldSize || passOn);
    }
  }

  @Override
  public void reduceScatter(MemorySegment floats, MemorySegment part) {
    demandEqualParts(floats, part);
    collectively(Kind.SCATTER, floats.byteSize(), () -> sumOwnChunk(floats, false));
    MemorySegment own = chunk(floats, rank);
    if (own.address() != part.address()) {
      part.copyFrom(own);
    }
  }

  @Override
  public void allGather(MemorySegment part, MemorySegment floats) {
    demandEqualParts(floats, part);
    MemorySegment own = chunk(floats, rank);
    if (own.address() != part.address()) {
      own.copyFrom(part);
    }
    collectively(Kind.GATHER, floats.byteSize(), () -> {
      queue(own);
      for (int step = 1; step < worldSize; step++) {
        receive(chunk(floats, rank - step), false, step < worldSize - 1);
      }
    });
  }

  private void demandEqualParts(MemorySegment floats, MemorySegment part) {
    if (floats.byteSize() != worldSize * part.byteSize() || part.byteSize() % Float.BYTES != 0) {
      throw new IllegalArgumentException(part.byteSize() + " bytes are not one of " + worldSize
          + " equal parts of whole floats of " + floats.byteSize());
    }
  }

  @Override
  public double[] allReduce(double... values) {
    MemorySegment all = Arena.ofAuto().allocate((long) worldSize * values.length * Double.BYTES + 1, 8);
    long bytes = (long) values.length * Double.BYTES;
    MemorySegment.copy(values, 0, all, ValueLayout.JAVA_DOUBLE, rank * bytes, values.length);
    collectively(Kind.GATHER, bytes, () -> {
      queue(all.asSlice(rank * bytes, bytes));
      for (int step = 1; step < worldSize; step++) {
        receive(all.asSlice(Math.floorMod(rank - step, worldSize) * bytes, bytes), false, step < worldSize - 1);
      }
    });
    double[] sums = new double[values.length];
    for (int r = 0; r < worldSize; r++) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += all.get(ValueLayout.JAVA_DOUBLE, r * bytes + (long) i * Double.BYTES);
      }
    }
    return sums;
  }

  @Override
  public void broadcast(MemorySegment bytes, int root) {
    collectively(Kind.BROADCAST, bytes.byteSize(), () -> {
      if (rank == root) {
        queue(bytes);
      } else {
        receive(bytes, false, (rank + 1) % worldSize != root);
      }
    });
  }

  @Override
  public void barrier() {
    allReduce(0.0);
  }

  @Override
  public void checkPeers() {
    String loss = heartbeat.loss();
    if (loss != null) {
      throw new StageFailure(ExitCode.RETRYABLE, "PeerLost", loss);
    }
  }

  @Override
  public void whenPeerLost(Runnable action) {
    whenPeerLost.add(action);
    if (heartbeat.loss() != null && whenPeerLost.remove(action)) {
      action.run();
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    heartbeat.leave();
    try {
      barrier();
    } finally {
      shutDown();
    }
  }

  @Override
  public void abort(String reason) {
    if (!closed) {
      heartbeat.lose("rank " + rank + " failed: " + reason);
      shutDown();
    }
  }

  private void shutDown() {
    closed = true;
    heartbeat.close();
    sending.interrupt();
    closeRing();
  }

  private interface Exchange {
    void run() throws IOException;
  }

  /** Every exchange starts with its kind, number and size, so that ranks that are out of step say so at once. */
  private void collectively(Kind kind, long bytes, Exchange exchange) {
    checkPeers();
    try {
      ByteBuffer mine = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
      sequence++;
      mine.putInt(kind.name().hashCode()).putInt(sequence).putLong(bytes).flip();
      queue(MemorySegment.ofBuffer(mine));
      readFully(header.clear());
      if (mine.rewind().mismatch(header.flip()) >= 0) {
        throw new StageFailure(ExitCode.UNKNOWN, "RanksOutOfStep", "rank " + rank + " does " + kind + " number "
            + sequence + " of " + bytes + " bytes, the rank before does number " + header.getInt(4) + " of "
            + header.getLong(8) + " bytes");
      }
      exchange.run();
      awaitSent();
    } catch (IOException e) {
      heartbeat.loseRing("the ring broke at rank " + rank + ": " + (e.getMessage() == null ? e : e.getMessage()));
      checkPeers();
    }
  }

  private MemorySegment chunk(MemorySegment floats, int index) {
    long n = floats.byteSize() / Float.BYTES;
    int c = Math.floorMod(index, worldSize);
    long from = n * c / worldSize;
    long to = n * (c + 1) / worldSize;
    return floats.asSlice(from * Float.BYTES, (to - from) * Float.BYTES);
  }

  private void receive(MemorySegment target, boolean add, boolean passOn) throws IOException {
    for (long at = 0; at < target.byteSize(); at += PIECE) {
      long length = Math.min(PIECE, target.byteSize() - at);
      MemorySegment piece = target.asSlice(at, length);
      if (add) {
        MemorySegment summand = incoming.asSlice(0, length);
        readFully(summand.asByteBuffer());
        for (long i = 0; i < length; i += Float.BYTES) {
          piece.set(FLOAT, i, summand.get(FLOAT, i) + piece.get(FLOAT, i));
        }
      } else {
        readFully(piece.asByteBuffer());
      }
      if (passOn) {
        queue(piece);
      }
    }
  }

  private void readFully(ByteBuffer into) throws IOException {
    while (into.hasRemaining()) {
      if (neighbours.before().read(into) < 0) {
        throw new EOFException("rank " + Math.floorMod(rank - 1, worldSize) + " closed its connection");
      }
    }
  }

  /** The sender reads the memory later; a chunk is not written again before its sum has come round the ring. */
  private void queue(MemorySegment segment) {
    for (long at = 0; at < segment.byteSize(); at += PIECE) {
      synchronized (sent) {
        queued++;
      }
      outgoing.add(segment.asSlice(at, Math.min(PIECE, segment.byteSize() - at)).asByteBuffer());
    }
  }

  private void sendQueued() {
    try {
      while (true) {
        Neighbours.writeFully(neighbours.next(), outgoing.take());
        synchronized (sent) {
          written++;
          sent.notifyAll();
        }
      }
    } catch (IOException e) {
      if (!closed) {
        heartbeat.loseRing("rank " + rank + " could not send to rank " + (rank + 1) % worldSize + ": " + e.getMessage());
      }
    } catch (InterruptedException e) {
      // closed
    } finally {
      synchronized (sent) {
        written = Long.MAX_VALUE;
        sent.notifyAll();
      }
    }
  }

  private void awaitSent() throws IOException {
    synchronized (sent) {
      while (written < queued) {
        try {
          sent.wait();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IOException("interrupted while sending", e);
        }
      }
    }
    checkPeers();
  }

  private void lost() {
    closeRing();
    whenPeerLost.forEach(Runnable::run);
    whenPeerLost.clear();
  }

  private void closeRing() {
    try {
      neighbours.close();
    } catch (IOException e) {
      // closing is all that was wanted
    }
  }
}
