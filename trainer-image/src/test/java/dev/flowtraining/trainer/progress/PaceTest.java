package dev.flowtraining.trainer.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PaceTest {

  @ParameterizedTest(name = "{2} after {0} s, FLOWTRAINING_PROGRESS_INTERVAL={1}: {3} s")
  @CsvSource({
      "10,     60, progress,   2",
      "500,    60, progress,   5",
      "100000, 60, progress,   60",
      "100000, 60, checkpoint, 2",
      "100000, 10, progress,   10",
      "100000, 1,  progress,   2"})
  void theLongerTheStageTheSeldomerTheReportsButForACheckpoint(long age, String longest, String what, long pause) {
    Pace pace = Pace.of(Map.of("FLOWTRAINING_PROGRESS_INTERVAL", longest), 1);
    long sent = pace.started() + Duration.ofSeconds(age).toNanos();
    assertThat(Duration.ofNanos(pace.after(sent, what.equals("checkpoint")))).isEqualTo(Duration.ofSeconds(pause));
  }

  @Test
  void aHundredWritersShareTheRateOfTwo() {
    assertThat(Pace.of(Map.of(), 100).least()).isEqualTo(Duration.ofSeconds(100));
  }

  @Test
  void anIntervalThatIsNoNumberIsRefused() {
    assertThatThrownBy(() -> Pace.of(Map.of("FLOWTRAINING_PROGRESS_INTERVAL", "1m"), 1))
        .isInstanceOf(NumberFormatException.class);
  }
}
