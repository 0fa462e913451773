package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import dev.flowtraining.operator.observe.Progress;
import dev.flowtraining.operator.observe.Report;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HangWatchTest {

  private static final TrainingSpec TRAINING =
      Samples.training("training: {gpus: 2, device: cpu, stallTimeout: 10m}").getSpec().training();
  private static final Instant LATE = NOW.plus(Duration.ofMinutes(10));

  @Test
  void silenceIsCountedFromTheStartOrTheLastReport() {
    assertThat(HangWatch.of(TRAINING, 2, NOW, Optional.empty(), LATE.minusMillis(1)))
        .isEqualTo(new HangWatch.Alive(LATE));
    assertThat(HangWatch.of(TRAINING, 2, NOW, Optional.empty(), LATE)).isInstanceOfSatisfying(HangWatch.Hangs.class,
        h -> assertThat(h.message()).contains(NOW.toString()).contains("training.stallTimeout 10m"));
    assertThat(HangWatch.of(TRAINING, 2, NOW, report(2, NOW.plusSeconds(60)), LATE))
        .isEqualTo(new HangWatch.Alive(LATE.plusSeconds(60)));
  }

  @Test
  void aReportOfAnOlderAttemptIsNoSignOfLife() {
    assertThat(HangWatch.of(TRAINING, 2, NOW, report(1, LATE.minusSeconds(1)), LATE))
        .isInstanceOf(HangWatch.Hangs.class);
  }

  @ParameterizedTest(name = "stallTimeout {0}: a report every {1} s")
  @CsvSource({"30m, 60", "4m, 60", "2m, 30", "40s, 10"})
  void severalReportsComeWithinTheTimeout(String stallTimeout, long seconds) {
    TrainingSpec training = Samples.training("training: {device: cpu, stallTimeout: " + stallTimeout + "}").getSpec()
        .training();
    assertThat(training.reportEvery()).isEqualTo(Duration.ofSeconds(seconds));
  }

  private static Optional<Report> report(int attempt, Instant at) {
    return Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":%d,"time":"%s","fraction":0.5}""".formatted(attempt, at))).report();
  }
}
