package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import sun.misc.Signal;
import sun.misc.SignalHandler;

class StopSignalTest {

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  void a_signal_is_a_wish_and_not_the_end(String name) throws InterruptedException {
    assumeThat(ignored(name)).isFalse();
    try (StopSignal stop = new StopSignal()) {
      assertThat(stop.requested()).isFalse();
      Signal.raise(new Signal(name));
      for (int i = 0; i < 1000 && !stop.requested(); i++) {
        Thread.sleep(5);
      }
      assertThat(stop.requested()).isTrue();
    }
  }

  /** A shell's background job starts with SIGINT ignored, and the JVM leaves it so. */
  private static boolean ignored(String name) {
    Signal signal = new Signal(name);
    SignalHandler before = Signal.handle(signal, s -> {});
    Signal.handle(signal, before);
    return before == SignalHandler.SIG_IGN;
  }
}
