package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.audio.Mel;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SettingsTest {
  @Test
  void a_checkpoint_of_another_mel_differs_and_one_from_before_that_was_written_does_not() {
    Map<String, String> now = Map.of("train_conf.seed", "1", "mel", Mel.SETTINGS);
    assertThat(Settings.differences(Map.of("train_conf.seed", "1"), now)).isEmpty();
    assertThat(Settings.differences(Map.of("train_conf.seed", "1", "mel", "22050 Hz"), now))
        .containsExactly("mel was 22050 Hz and is " + Mel.SETTINGS);
    assertThat(Settings.differences(Map.of("train_conf.seed", "2"), now)).hasSize(1);
  }
}
