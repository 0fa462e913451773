package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.data.Percentage.withPercentage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.average.AverageTask;
import dev.flowtraining.trainer.heldout.HeldOutLoss;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that differ from one in a single setting each: what it is for changes, and nothing else. */
class TrainSettingsTest {
  private static final String BASE = """
      dataset_conf: {max_frames_in_batch: 200, num_workers: 1}
      train_conf: {max_epoch: 2, log_interval: 1, save_per_step: -1, val_interval: -1, patience: 0, keep_last: 5,
        keep_best: 5, dropout: 0.1, scheduler: constantlr, optim_conf: {lr: 1.0e-3}, accum_grad: 1, grad_clip: 5.0, seed: 1986}
      """;

  @TempDir static Path dir;
  private static Seen base;

  /** @param validations losses by step */
  private record Seen(Map<Long, String> losses, Map<Long, JsonNode> steps, Map<Long, String> validations,
      List<String> files, StateDict last) {}

  @BeforeAll
  static void train() throws Exception {
    base = train("base", BASE);
    assertThat(base.losses.size()).isGreaterThanOrEqualTo(8);
  }

  private static Seen train(String name, String config) throws Exception {
    SmallRun run = SmallRun.create(dir.resolve(name), 14, 4, config);
    new TrainTask().run(run.alone());
    return seen(run);
  }

  private static Seen seen(SmallRun run) throws IOException {
    Map<Long, JsonNode> steps = new TreeMap<>();
    run.metrics("step").forEach(line -> steps.put(line.get("step").asLong(), line));
    Map<Long, String> validations = new TreeMap<>();
    run.metrics("validation").forEach(line -> validations.put(line.get("step").asLong(), line.get("cv_loss").asText()));
    Path attempt = run.dir.resolve("exp/flow_model/attempt-1");
    List<String> files = new ArrayList<>();
    try (Stream<Path> all = Files.list(attempt)) {
      all.map(f -> f.getFileName().toString()).filter(f -> f.endsWith(".pt")).sorted().forEach(files::add);
    }
    String newest = files.stream().filter(f -> f.endsWith("_whole.pt")).reduce((a, b) -> b).orElseThrow();
    return new Seen(run.losses(), steps, validations, files, StateDictFile.read(attempt.resolve(newest)));
  }

  private static Seen with(String setting, String value) throws Exception {
    String line = setting + ": " + value;
    String config = BASE.replaceFirst("\\b" + setting + ": [^,}\n]*", line);
    return train(setting + "-" + value.replaceAll("\\W", "_"),
        config.equals(BASE) ? BASE.replace("train_conf: {", "train_conf: {" + line + ", ") : config);
  }

  private static void expectSameTraining(Seen other) {
    assertThat(other.losses).isEqualTo(base.losses);
    expectSameWeights(other);
  }

  private static void expectSameWeights(Seen other) {
    assertThat(other.last.integers()).isEqualTo(base.last.integers());
    base.last.tensors().forEach((name, tensor) ->
        assertThat(other.last.tensors().get(name).data().mismatch(tensor.data())).as(name).isEqualTo(-1));
  }

  /** Of the same model, but other values; the first step still begins with the same weights and data. */
  private static void expectOtherWeights(Seen other, boolean sameFirstLoss) {
    assertThat(other.losses.get(1L).equals(base.losses.get(1L))).as("the first loss is the same").isEqualTo(sameFirstLoss);
    assertThat(other.last.tensors().get("encoder_proj.weight").data()
        .mismatch(base.last.tensors().get("encoder_proj.weight").data())).isNotNegative();
  }

  @Test
  void log_interval_writes_fewer_lines() throws Exception {
    Seen other = with("log_interval", "3");
    assertThat(other.steps.size()).isLessThan(base.steps.size());
    assertThat(other.validations).isEqualTo(base.validations);
    assertThat(other.files).isEqualTo(base.files);
    expectSameWeights(other);
  }

  @Test
  void save_per_step_keeps_checkpoints_within_epochs() throws Exception {
    Seen other = with("save_per_step", "3");
    assertThat(other.files).containsAll(base.files).contains("step_3.pt", "step_3_optimizer.pt");
    assertThat(other.validations).isEqualTo(base.validations);
    expectSameTraining(other);
  }

  @Test
  void val_interval_validates_within_epochs_and_a_checkpoint_there_has_its_loss() throws Exception {
    Seen other = train("val_interval", BASE.replace("val_interval: -1", "val_interval: 3")
        .replace("save_per_step: -1", "save_per_step: 3"));
    assertThat(other.validations).containsAllEntriesOf(base.validations).containsKey(3L);
    expectSameTraining(other);
    assertThat(dir.resolve("val_interval/exp/flow_model/attempt-1/step_3.yaml")).content()
        .contains("loss: " + other.validations.get(3L)).contains("tag: CV").contains("epoch: 0");
    Manifest manifest = Manifest.read(dir.resolve("val_interval/exp/flow_model/attempt-1/step_3.json"));
    assertThat(manifest.cursor().validatedAt()).isEqualTo(3);
    assertThat(manifest.cursor().bestCvLoss()).isEqualTo(manifest.cvLoss());
  }

  @Test
  void patience_stops_when_validations_get_no_better() throws Exception {
    // a rate so low that no weight moves: no validation is better than the first
    String still = BASE.replace("lr: 1.0e-3", "lr: 1.0e-30").replace("max_epoch: 2", "max_epoch: 9");
    assertThat(train("patience", still.replace("patience: 0", "patience: 2")).validations).hasSize(3);
    assertThat(dir.resolve("patience/exp/flow_model/train.log")).content().containsPattern(
        "ended by patience after 3 of 9 epochs, at step \\d+: validations since the best, \\d+\\.\\d{4}: 2 ");
    assertThat(SmallRun.at(dir.resolve("patience")).metrics("end"))
        .singleElement().satisfies(end -> assertThat(end.get("ended_by").asText()).isEqualTo("patience"));
    assertThat(dir.resolve("base/exp/flow_model/train.log")).content().doesNotContain("patience");
    Seen within = train("patience-within", still.replace("patience: 0", "patience: 1")
        .replace("val_interval: -1", "val_interval: 1").replace("max_epoch: 9", "max_epoch: 1")
        .replace("save_per_step: -1", "save_per_step: 1"), "step_2.pt");
    assertThat(within.validations).containsOnlyKeys(1L, 2L);
    assertThat(within.losses).hasSize(2);
    assertThat(base.validations).hasSize(2);
  }

  /** A run that ends within its first epoch. */
  private static Seen train(String name, String config, String lastFile) throws Exception {
    SmallRun run = SmallRun.create(dir.resolve(name), 14, 4, config);
    new TrainTask().run(run.alone());
    Path attempt = run.dir.resolve("exp/flow_model/attempt-1");
    Map<Long, String> validations = new TreeMap<>();
    run.metrics("validation").forEach(line -> validations.put(line.get("step").asLong(), line.get("cv_loss").asText()));
    return new Seen(run.losses(), Map.of(), validations, List.of(), StateDictFile.read(attempt.resolve(lastFile)));
  }

  @Test
  void keep_last_and_keep_best_say_what_stays() throws Exception {
    Seen last = train(
        "keep_last", BASE.replace("keep_last: 5", "keep_last: 1").replace("keep_best: 5", "keep_best: 0"));
    assertThat(last.files).containsExactly("epoch_1_optimizer.pt", "epoch_1_whole.pt");
    expectSameTraining(last);
    Seen best = train(
        "keep_best", BASE.replace("keep_last: 5", "keep_last: 1").replace("keep_best: 5", "keep_best: 2"));
    assertThat(best.files).containsExactly("epoch_0_whole.pt", "epoch_1_optimizer.pt", "epoch_1_whole.pt");
  }

  @Test
  void max_epoch_only_goes_further() throws Exception {
    Seen other = with("max_epoch", "3");
    assertThat(other.losses).containsAllEntriesOf(base.losses);
    assertThat(other.validations).containsAllEntriesOf(base.validations).hasSize(3);
  }

  @Test
  void seed_draws_everything_afresh() throws Exception {
    expectOtherWeights(with("seed", "7"), false);
    expectSameTraining(train("again", BASE));
  }

  @Test
  void accum_grad_makes_one_step_of_two_batches() throws Exception {
    Seen other = with("accum_grad", "2");
    assertThat(other.losses.size()).isEqualTo((base.losses.size() + 1) / 2);
    assertThat(other.validations).hasSameSizeAs(base.validations);
  }

  @Test
  void grad_clip_limits_the_norm_and_not_what_is_told_of_it() throws Exception {
    Seen other = with("grad_clip", "0.01");
    expectOtherWeights(other, true);
    assertThat(other.steps.get(1L).get("grad_norm")).isEqualTo(base.steps.get(1L).get("grad_norm"));
    assertThat(with("grad_clip", "1.0e9").losses).as("none clipped").isEqualTo(with("grad_clip", "0.0").losses);
  }

  @Test
  void the_optimizers_numbers_change_the_weights() throws Exception {
    expectOtherWeights(with("lr", "2.0e-3"), true);
    expectOtherWeights(train("betas", BASE.replace("lr: 1.0e-3", "lr: 1.0e-3, betas: [0.5, 0.9]")), true);
    expectSameTraining(with("optim", "adamw"));
    expectOtherWeights(train("decay", BASE.replace("lr: 1.0e-3", "lr: 1.0e-3, weight_decay: 0.1")), true);
  }

  @Test
  void scheduler_changes_the_rate() throws Exception {
    Seen other = train("scheduler",
        BASE.replace("scheduler: constantlr", "scheduler: warmuplr, scheduler_conf: {warmup_steps: 4}"));
    assertThat(other.steps.get(1L).get("learning_rate").asDouble()).isEqualTo(2.5e-4);
    assertThat(base.steps.get(1L).get("learning_rate").asDouble()).isEqualTo(1e-3);
    expectOtherWeights(other, true);
  }

  @Test
  void dropout_changes_the_forward_pass() throws Exception {
    expectOtherWeights(with("dropout", "0.3"), true); // the last layer begins as zeros, so the first loss cannot tell
  }

  @Test
  void freeze_keeps_the_first_weights() throws Exception {
    Seen other = with("freeze", "[encoder]");
    expectOtherWeights(other, true);
    Seen still = with("lr", "1.0e-30");
    still.last.tensors().forEach((name, tensor) -> {
      if (name.startsWith("encoder.")) {
        assertThat(other.last.tensors().get(name).data().mismatch(tensor.data())).as(name).isEqualTo(-1);
      }
    });
  }

  @Test
  void ema_decay_only_adds_a_file() throws Exception {
    Seen other = with("ema_decay", "0.99");
    expectSameTraining(other);
    assertThat(other.files).containsAll(base.files).contains("epoch_1_ema.pt");
    StateDict ema = StateDictFile.read(dir.resolve("ema_decay-0_99/exp/flow_model/attempt-1/epoch_1_ema.pt"));
    assertThat(ema.tensors().keySet()).isEqualTo(other.last.tensors().keySet());
    assertThat(ema.integers()).containsAllEntriesOf(other.last.integers());
  }

  @Test
  void validate_ema_judges_probes_and_averages_the_moving_average_and_trains_the_same() throws Exception {
    String name = "validate_ema";
    Seen other = train(name, BASE.replace("train_conf: {", "train_conf: {ema_decay: 0.9, validate_ema: true, ")
        + "probe_conf: {interval: 3, utterances: 1, seconds: 0.5}\n");
    expectSameTraining(other);
    assertThat(other.validations.keySet()).isEqualTo(base.validations.keySet());
    SmallRun run = SmallRun.at(dir.resolve(name));
    RunLayout layout = new RunLayout(run.dir);
    StateDict ema = StateDictFile.read(layout.attempt(1).resolve("epoch_1_ema.pt"));
    double loss = Double.parseDouble(((TreeMap<Long, String>) other.validations).lastEntry().getValue());
    assertThat(HeldOutLoss.of(layout, run.flowConfig(), ema, "cpu").all()).isCloseTo(loss, within(1e-6 * loss));
    assertThat(Double.parseDouble(((TreeMap<Long, String>) base.validations).lastEntry().getValue()))
        .isNotCloseTo(loss, within(1e-4 * loss));

    Map<String, Object> averaged = new AverageTask().run(run.alone()).counts();
    assertThat(averaged.get("checkpoints").toString()).contains("epoch_0_ema.pt", "epoch_1_ema.pt");
    assertThat((String) averaged.get("bestCheckpoint")).endsWith("_ema.pt");
    assertThat(run.metrics("probe")).isNotEmpty();
  }

  @Test
  void activation_checkpointing_changes_nothing_but_memory() throws Exception {
    Seen other = with("activation_checkpointing", "true");
    assertThat(other.files).isEqualTo(base.files);
    assertThat(other.validations).isEqualTo(base.validations);
    expectSameTraining(other);
  }

  @Test
  void precision_rounds() throws Exception {
    Seen other = with("precision", "fp16");
    expectOtherWeights(other, true);
    for (Map.Entry<Long, String> step : base.losses.entrySet()) {
      double loss = Double.parseDouble(step.getValue());
      assertThat(Double.parseDouble(other.losses.get(step.getKey()))).isCloseTo(loss, withPercentage(2));
    }
    StateDict state = StateDictFile.read(dir.resolve("precision-fp16/exp/flow_model/attempt-1/epoch_1_optimizer.pt"));
    assertThat(state.tensors().get("loss_scale.scale").floats()).containsExactly(65536);
    assertThat(state.integer("loss_scale.good_steps", -1)).isEqualTo(base.losses.size());
  }
}
