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

  private static Optional<Report> report(int attempt, Instant at) {
    return Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":%d,"time":"%s","fraction":0.5}""".formatted(attempt, at))).report();
  }
}
