package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeepSpeedConfigTest {
  private static final FlowConfig TINY = ConfigLoader.preset("tiny");
  @TempDir Path dir;

  @Test
  void the_preset_replaces_optimizer_clipping_and_accumulation() throws IOException {
    String preset;
    try (InputStream in = DeepSpeedConfigTest.class.getResourceAsStream("/configs/ds_stage2.json")) {
      preset = new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    }
    FlowConfig.Train train = apply("deepspeed", preset).trainConf();
    assertThat(train.optim()).isEqualTo("adamw");
    assertThat(train.optimConf().lr()).isEqualTo(0.001);
    assertThat(train.optimConf().weightDecay()).isEqualTo(0.0001);
    assertThat(train.accumGrad()).isEqualTo(2);
    assertThat(train.gradClip()).isEqualTo(5);
    assertThat(train.maxEpoch()).isEqualTo(TINY.trainConf().maxEpoch());
    assertThat(apply("torch_ddp", "not even JSON")).isSameAs(TINY);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "{\"zero_optimization\": {\"stage\": 3}} | shards parameters",
      "{\"fp16\": {\"enabled\": true}} | float32",
      "{\"optimizer\": {\"type\": \"Lamb\"}} | not one of Adam, AdamW",
      "{\"scheduler\": {}} | scheduler",
      "{\"optimizer\": | line 1"})
  void what_would_change_the_result_is_refused(String json, String reason) {
    assertThatThrownBy(() -> apply("deepspeed", json)).isInstanceOfSatisfying(StageFailure.class, e -> {
      assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE);
      assertThat(e).hasMessageContaining(reason);
    });
  }

  private FlowConfig apply(String engine, String json) throws IOException {
    Path file = Files.writeString(dir.resolve("ds.json"), json);
    return DeepSpeedConfig.apply(TINY, new StageOptions(null, null, null, null, "builtin", "builtin", "builtin", engine,
        file, "cpu", null, 5, "last", Duration.ofSeconds(1)));
  }
}
