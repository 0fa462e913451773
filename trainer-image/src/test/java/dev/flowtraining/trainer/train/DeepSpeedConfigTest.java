package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
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
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
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
    Engine engine = apply("deepspeed", preset);
    FlowConfig.Train train = engine.config().trainConf();
    assertThat(engine.zero()).isEqualTo(2);
    assertThat(engine.buckets()).isEqualTo(new Zero.Sizes(500_000_000, 500_000_000));
    assertThat(engine.scheduler()).isEmpty();
    assertThat(train.logInterval()).isEqualTo(100);
    assertThat(train.precision()).isEqualTo("auto");
    assertThat(train.optim()).isEqualTo("adamw");
    assertThat(train.optimConf().lr()).isEqualTo(0.001);
    assertThat(train.optimConf().weightDecay()).isEqualTo(0.0001);
    assertThat(train.accumGrad()).isEqualTo(2);
    assertThat(train.gradClip()).isEqualTo(5);
    assertThat(train.maxEpoch()).isEqualTo(TINY.trainConf().maxEpoch());
    Engine plain = apply("torch_ddp", "not even JSON");
    assertThat(plain.config()).isSameAs(TINY);
    assertThat(plain.zero()).isZero();
  }

  /** CosyVoice's own file, but for its comments. */
  @Test
  void the_seeds_file_is_read() throws IOException {
    Engine engine = apply("deepspeed", """
        {"train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": 1, "steps_per_print": 100,
         "gradient_clipping": 5,
         "fp16": {"enabled": false, "auto_cast": false, "loss_scale": 0, "initial_scale_power": 16,
           "loss_scale_window": 256, "hysteresis": 2, "consecutive_hysteresis": false, "min_loss_scale": 1},
         "bf16": {"enabled": false}, "zero_force_ds_cpu_optimizer": false,
         "zero_optimization": {"stage": 2, "offload_optimizer": {"device": "none", "pin_memory": true},
           "allgather_partitions": true, "allgather_bucket_size": 5e8, "overlap_comm": false,
           "reduce_scatter": true, "reduce_bucket_size": 2e6, "contiguous_gradients": true},
         "optimizer": {"type": "AdamW", "params": {"lr": 0.001, "weight_decay": 0.0001, "torch_adam": true,
           "adam_w_mode": true}}}
        """);
    assertThat(engine.buckets()).isEqualTo(new Zero.Sizes(2_000_000, 500_000_000));
    assertThat(engine.config().trainConf().accumGrad()).isEqualTo(1);
    assertThat(engine.lossScaling()).isEqualTo(new LossScale.Rules(true, 65536, 256, -1, 2, false, 1));
    assertThat(engine.config().trainConf().precision()).isEqualTo("fp32");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "{\"fp16\": {\"enabled\": false}, \"bf16\": {\"enabled\": true}} | bf16",
      "{\"fp16\": {\"enabled\": true}} | fp16", "{\"fp16\": {\"enabled\": false}} | fp32", "{} | auto"})
  void its_sections_say_the_precision(String json, String precision) throws IOException {
    assertThat(apply("deepspeed", json).config().trainConf().precision()).isEqualTo(precision);
  }

  /** By hand from the formulas of DeepSpeed's lr_schedules.py. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "WarmupLR | \"warmup_type\": \"linear\" | 0, 0.0; 1, 0.0; 5, 4e-3; 11, 0.01; 99, 0.01",
      "WarmupLR | \"warmup_min_lr\": 0.001 | 0, 0.001; 1, 0.001; 10, 0.01; 11, 0.01",
      "WarmupDecayLR | \"warmup_type\": \"linear\", \"total_num_steps\": 30 | 6, 5e-3; 11, 0.01; 21, 5e-3; 31, 0.0; 40, 0.0",
      "WarmupCosineLR | \"warmup_type\": \"linear\", \"total_num_steps\": 30, \"cos_min_ratio\": 0.1 "
          + "| 0, 0.0; 6, 1e-3; 20, 1.1e-3; 40, 2e-4"})
  void its_schedulers_replace_the_configs(String type, String params, String expected) throws IOException {
    String high = type.equals("WarmupCosineLR") ? "" : "\"warmup_max_lr\": 0.01, ";
    Engine engine = apply("deepspeed", "{\"optimizer\": {\"params\": {\"lr\": 0.002}}, \"scheduler\": {\"type\": \"" + type
        + "\", \"params\": {" + high + "\"warmup_num_steps\": 10, " + params + "}}}");
    for (String point : expected.split("; ")) {
      String[] pair = point.split(", ");
      assertThat(engine.learningRate().at(Long.parseLong(pair[0]))).as("%s at step %s", type, pair[0])
          .isCloseTo(Double.parseDouble(pair[1]), within(1e-9));
    }
    assertThat(Settings.binding(engine)).containsEntry("deepspeed.scheduler", engine.learningRate().toString());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "optim_conf: {lr: 1.0e-3} | {\"optimizer\": {\"params\": {\"lr\": 0.001}}} | ",
      "optim_conf: {betas: [0.9, 0.999]} | {\"optimizer\": {\"params\": {\"betas\": [0.9, 0.999]}}} | ",
      "max_epoch: 3 | {\"optimizer\": {\"params\": {\"lr\": 0.001}}} | ",
      "optim_conf: {lr: 1.0e-4} | {\"optimizer\": {\"params\": {\"lr\": 0.001}}} | optimizer.params.lr",
      "accum_grad: 4 | {\"gradient_accumulation_steps\": 2} | gradient_accumulation_steps",
      "optim: adam | {\"optimizer\": {\"type\": \"AdamW\"}} | optimizer.type",
      "precision: bf16 | {\"fp16\": {\"enabled\": true}} | fp16.enabled",
      "scheduler: cosine, scheduler_conf: {max_steps: 900} | {\"scheduler\": {\"type\": \"WarmupLR\", "
          + "\"params\": {\"warmup_max_lr\": 0.1}}} | scheduler.type"})
  void a_setting_of_the_users_own_config_is_not_overruled(String train, String json, String key) throws IOException {
    Path config = Files.writeString(dir.resolve("own.yaml"), "preset: tiny\ntrain_conf: {" + train + "}\n");
    StageOptions options = options("deepspeed", Files.writeString(dir.resolve("ds.json"), json));
    ThrowingCallable agreed =
        () -> Engine.demandAgreement(ConfigLoader.own(config), ConfigLoader.load(null, config), options);
    if (key == null) {
      assertThatCode(agreed).doesNotThrowAnyException();
    } else {
      assertThatThrownBy(agreed).isInstanceOf(StageFailure.class).hasMessageContaining(config + " line 2: train_conf.")
          .hasMessageContaining("contradicts").hasMessageContaining("ds.json: " + key);
    }
  }

  @Test
  void the_batch_size_has_to_be_that_of_the_ranks() throws IOException {
    String json = "{\"train_batch_size\": 8, \"gradient_accumulation_steps\": 4}";
    assertThat(apply("deepspeed", json).config().trainConf().accumGrad()).isEqualTo(4); // two ranks
    assertThatThrownBy(() -> apply("deepspeed", json.replace("8", "6")))
        .hasMessageContaining("train_batch_size 6 is not gradient_accumulation_steps × ranks = 4 × 2");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "{\"zero_optimization\": {\"stage\": 3}} | shards parameters",
      "{\"fp16\": {\"enabled\": true}, \"bf16\": {\"enabled\": true}} | exclude each other",
      "{\"fp16\": {\"enabled\": true, \"auto_cast\": true}} | fp16.auto_cast",
      "{\"fp16\": {\"loss_scale\": -1}} | fp16.loss_scale",
      "{\"fp16\": {\"hysteresis\": 0}} | fp16.hysteresis has to be between",
      "{\"fp16\": {\"fp16_master_weights_and_grads\": true}} | 'fp16.fp16_master_weights_and_grads'",
      "{\"optimizer\": {\"type\": \"Lamb\"}} | not one of Adam, AdamW",
      "{\"scheduler\": {}} | scheduler.type",
      "{\"scheduler\": {\"type\": \"OneCycle\"}} | scheduler.type",
      "{\"scheduler\": {\"type\": \"WarmupLR\"}} | scheduler.params.warmup_max_lr",
      "{\"scheduler\": {\"type\": \"WarmupLR\", \"params\": {\"total_num_steps\": 9}}} | 'scheduler.params.total_num_steps'",
      "{\"zero_optimization\": {\"overlap_comm\": true}} | zero_optimization.overlap_comm",
      "{\"zero_optimization\": {\"cpu_offload\": true}} | 'zero_optimization.cpu_offload'",
      "{\"zero_optimization\": {\"offload_optimizer\": {\"device\": \"cpu\"}}} | zero_optimization.offload_optimizer.device",
      "{\"zero_optimization\": {\"reduce_bucket_size\": 0}} | zero_optimization.reduce_bucket_size has to be between",
      "{\"zero_optimization\": {\"reduce_bucket_size\": 2.5}} | has to be a whole number",
      "{\"wall_clock_breakdown\": true} | wall_clock_breakdown",
      "{\"prescale_gradients\": true} | 'prescale_gradients'",
      "{\"steps_per_print\": 0} | steps_per_print: train_conf.log_interval has to be between",
      "{\"optimizer\": {\"params\": {\"amsgrad\": true}}} | 'optimizer.params.amsgrad'",
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
    FlowConfig.Train train = apply("deepspeed", "{\"gradient_clipping\": 0}").config().trainConf();
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

  private Engine apply(String engine, String json) throws IOException {
    return apply(engine, Files.writeString(dir.resolve("ds.json"), json));
  }

  private Engine apply(String engine, Path file) throws IOException {
    return Engine.of(TINY, options(engine, file), 2);
  }

  private static StageOptions options(String engine, Path file) {
    return new StageOptions(null, null, null, null, "builtin", "builtin", "builtin", "builtin", engine, file,
        "cpu", null, 5, "last", Duration.ofSeconds(1));
  }
}
