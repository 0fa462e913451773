package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import sun.misc.Signal;

class StopSignalTest {

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  void a_signal_is_a_wish_and_not_the_end(String name) throws InterruptedException {
    try (StopSignal stop = new StopSignal()) {
      assertThat(stop.requested()).isFalse();
      Signal.raise(new Signal(name));
      for (int i = 0; i < 1000 && !stop.requested(); i++) {
        Thread.sleep(5);
      }
      assertThat(stop.requested()).isTrue();
    }
  }
}
