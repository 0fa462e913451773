package dev.flowtraining.trainer.collective;

import java.lang.foreign.MemorySegment;

/** The only rank: nothing to sum with, nobody to wait for. */
public final class Alone implements Collective {

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int worldSize() {
    return 1;
  }

  @Override
  public void allReduce(MemorySegment floats) {}

  @Override
  public void reduceScatter(MemorySegment floats, MemorySegment part) {
    copy(floats, part);
  }

  @Override
  public void allGather(MemorySegment part, MemorySegment floats) {
    copy(part, floats);
  }

  /** Not of the device's memory onto itself, which the host cannot touch. */
  private static void copy(MemorySegment from, MemorySegment to) {
    if (from.address() != to.address()) {
      to.copyFrom(from);
    }
  }

  @Override
  public double[] allReduce(double... values) {
    return values.clone();
  }

  @Override
  public void broadcast(MemorySegment bytes, int root) {}

  @Override
  public void barrier() {}

  @Override
  public void checkPeers() {}

  @Override
  public void whenPeerLost(Runnable action) {}

  @Override
  public void close() {}

  @Override
  public void abort(String reason) {}
}
