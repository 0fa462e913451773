package dev.flowtraining.trainer.collective;

import java.lang.foreign.MemorySegment;

/**
 * What ranks do together. Every rank calls the same methods in the same order with the same sizes; results are equal on
 * all ranks, bit for bit, and do not depend on timing. A lost peer ends every call on every rank with a
 * {@link dev.flowtraining.trainer.StageFailure} of reason {@code PeerLost}. Not for several threads.
 */
public interface Collective extends AutoCloseable {

  int rank();

  int worldSize();

  /**
   * Sums a buffer of fp32 over the ranks, in place, of the memory that the back end reads: the host's, or with
   * {@link Nccl} the device's. Until it returns nobody else touches the segment.
   */
  void allReduce(MemorySegment floats);

  /**
   * Sums a buffer of as many equal parts as there are ranks, of which each rank gets its own; the other parts mean
   * nothing afterwards. A part's sum is the one that {@link #allReduce(MemorySegment)} gives, bit for bit, with
   * {@link Nccl} as far as NCCL keeps an order.
   *
   * @param part where this rank's sum goes; may be its own part of the buffer
   */
  void reduceScatter(MemorySegment floats, MemorySegment part);

  /**
   * Sums a buffer over the ranks for one of them, in place; the others' buffers mean nothing afterwards. The sum is the
   * one that {@link #allReduce(MemorySegment)} gives, with {@link Nccl} as far as NCCL keeps an order.
   */
  default void reduce(MemorySegment floats, int root) {
    allReduce(floats);
  }

  /**
   * The reverse of {@link #reduceScatter}: everybody's part to everybody.
   *
   * @param part this rank's; may be its own part of the buffer
   */
  void allGather(MemorySegment part, MemorySegment floats);

  /** Sums a few doubles over the ranks, always in the order of the ranks. */
  double[] allReduce(double... values);

  /** Copies the root's bytes into every other rank's segment of the same size. */
  void broadcast(MemorySegment bytes, int root);

  /** Returns when every rank has called it. */
  void barrier();

  /** Throws at once when a peer is known to be lost; for long stretches without a collective call. */
  void checkPeers();

  /** Runs an action once, from any thread, as soon as a peer is known to be lost. */
  void whenPeerLost(Runnable action);

  /** Leaves in agreement: every rank has called it when it returns. */
  @Override
  void close();

  /** Leaves because of a failure; the peers end with {@code PeerLost} and this reason. */
  void abort(String reason);
}
