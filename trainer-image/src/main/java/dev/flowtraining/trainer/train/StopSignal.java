package dev.flowtraining.trainer.train;

import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * SIGTERM as a wish instead of the JVM's end: training finishes its step, saves and then ends by itself. A shutdown
 * hook would not do, as the JVM is then on its way out already.
 */
final class StopSignal implements AutoCloseable {
  private static final Signal TERM = new Signal("TERM");

  private final SignalHandler before;
  private volatile boolean requested;

  StopSignal() {
    before = Signal.handle(TERM, signal -> requested = true);
  }

  boolean requested() {
    return requested;
  }

  @Override
  public void close() {
    Signal.handle(TERM, before);
  }
}
