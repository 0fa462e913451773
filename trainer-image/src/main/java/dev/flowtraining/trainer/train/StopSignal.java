package dev.flowtraining.trainer.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * SIGTERM, or Ctrl-C at a terminal, as a wish instead of the JVM's end: training finishes its step, saves and then ends
 * by itself. A shutdown hook would not do, as the JVM is then on its way out already.
 */
final class StopSignal implements AutoCloseable {
  private final Map<Signal, SignalHandler> before = new LinkedHashMap<>();
  private volatile boolean requested;

  StopSignal() {
    for (String name : List.of("TERM", "INT")) {
      Signal signal = new Signal(name);
      before.put(signal, Signal.handle(signal, s -> requested = true));
    }
  }

  boolean requested() {
    return requested;
  }

  @Override
  public void close() {
    before.forEach(Signal::handle);
  }
}
