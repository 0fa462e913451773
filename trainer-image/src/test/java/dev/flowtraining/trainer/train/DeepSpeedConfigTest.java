package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

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
      "{\"optimizer\": | line 1",
      "[] | a JSON object",
      "{\"gradient_accumulation_steps\": 0} | gradient_accumulation_steps: train_conf.accum_grad has to be between 1 and",
      "{\"gradient_accumulation_steps\": \"auto\"} | has to be a whole number, not \"auto\"",
      "{\"gradient_clipping\": -1} | gradient_clipping: train_conf.grad_clip has to be above 0, or 0 for no clipping, not -1",
      "{\"optimizer\": {\"params\": {\"lr\": 0}}} | optimizer.params.lr: train_conf.optim_conf.lr has to be above 0",
      "{\"optimizer\": {\"params\": {\"lr\": \"1e-3\"}}} | optimizer.params.lr has to be a number",
      "{\"optimizer\": {\"params\": {\"betas\": [0.9]}}} | has to be two numbers",
      "{\"optimizer\": {\"params\": {\"betas\": [0.9, 1]}}} | has to be two numbers",
      "{\"optimizer\": {\"params\": {\"betas\": \"0.9 0.999\"}}} | a list of two numbers",
      "{\"optimizer\": {\"params\": {\"adam_w_mode\": 1}}} | true or false",
      "{\"zero_optimization\": {\"stage\": \"two\"}} | a whole number"})
  void what_would_change_the_result_is_refused(String json, String reason) {
    assertThatThrownBy(() -> apply("deepspeed", json)).isInstanceOfSatisfying(StageFailure.class, e -> {
      assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE);
      assertThat(e).hasMessageContaining(reason);
    });
  }

  @Test
  void without_clipping_gradients_pass_as_they_are() throws IOException {
    FlowConfig.Train train = apply("deepspeed", "{\"gradient_clipping\": 0}").trainConf();
    assertThat(train.gradClip()).isZero();
    assertThat(Update.clip(train.gradClip(), 1e9)).isEqualTo(1);
    assertThat(Update.clip(5, 10)).isCloseTo(0.5, within(1e-6));
    assertThat(Update.clip(5, 1)).isEqualTo(1);
  }

  @Test
  void a_file_that_is_not_there_is_missing() {
    assertThatThrownBy(() -> apply("deepspeed", dir.resolve("none.json"))).isInstanceOfSatisfying(StageFailure.class,
        e -> {
          assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING);
          assertThat(e).hasMessageContaining("none.json");
        });
  }

  private FlowConfig apply(String engine, String json) throws IOException {
    return apply(engine, Files.writeString(dir.resolve("ds.json"), json));
  }

  private FlowConfig apply(String engine, Path file) throws IOException {
    return DeepSpeedConfig.apply(TINY, new StageOptions(null, null, null, null, "builtin", "builtin", "builtin", engine,
        file, "cpu", null, 5, "last", Duration.ofSeconds(1)));
  }
}
