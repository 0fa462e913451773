package dev.flowtraining.trainer.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoryTest {
  @TempDir Path folder;

  @Test
  void whatAnInterruptedAttemptSaidOfLaterStepsIsVoid() throws Exception {
    Path metrics = Files.writeString(folder.resolve("metrics.jsonl"), """
        {"event":"start","step":0,"time":"2026-01-01T10:00:00Z"}
        {"event":"step","step":10,"loss":9.0}
        {"event":"step","step":20,"loss":8.0,"learning_rate":0.1}
        {"event":"probe","step":20,"mel_l1":2.0}
        {"event":"step","step":30,"loss":7.0,"time":"2026-01-01T10:00:30.500Z"}
        {"event":"start","step":10,"time":"2026-01-02T10:00:00Z"}
        {"event":"step","step":20,"loss":6.0,"time":"2026-01-02T10:00:02Z"}
        {"event":"step","step":25,"loss":NaN}
        {"event":"step","step":3
        """.strip());
    History history = History.read(metrics);
    assertThat(history.curve("step.loss")).hasToString("{10=9.0, 20=6.0}");
    assertThat(history.curve("step.learning_rate")).isEmpty();
    assertThat(history.curve("probe.mel_l1")).isEmpty();
    assertThat(history.last("step.loss")).isEqualTo(6);
    assertThat(history.last("validation.cv_loss")).isNaN();
    assertThat(history.seconds()).isEqualTo(32.5);
  }
}
