package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.average.AverageTask;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.heldout.HeldOutLoss;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that starts from a model, its mean and its best checkpoint, each on the same held-out utterances. */
class BaseAndTunedTest {
  private static final String CONFIG = """
      dataset_conf: {max_frames_in_batch: 300}
      train_conf: {max_epoch: %d, log_interval: 10, scheduler: constantlr, optim_conf: {lr: %s}, keep_last: 10}
      """;

  @TempDir static Path dir;
  private static SmallRun base;
  private static SmallRun tuned;

  @BeforeAll
  static void train() throws Exception {
    base = run("base", 1, "1.0e-3");
    new TrainTask().run(base.alone());
    tuned = run("tuned", 4, "2.0e-3");
    new TrainTask().run(tuned.startingFrom(lastOf(base, 0)));
  }

  private static Path lastOf(SmallRun run, int epoch) {
    return run.dir.resolve("exp/flow_model/attempt-1/epoch_" + epoch + "_whole.pt");
  }

  /** Of the held-out utterances two are by a speaker whom training hears. */
  private static SmallRun run(String name, int epochs, String rate) throws Exception {
    SmallRun run = SmallRun.create(dir.resolve(name), 24, 5, CONFIG.formatted(epochs, rate));
    RunLayout layout = new RunLayout(run.dir);
    Files.createDirectories(layout.data("train"));
    Files.createDirectories(layout.data("dev"));
    Files.writeString(layout.data("train").resolve("utt2spk"), "train-000 anna\ntrain-001 bert\n");
    Files.writeString(layout.data("dev").resolve("utt2spk"),
        "dev-000 anna\ndev-001 carl\ndev-002 bert\ndev-003 carl\ndev-004 dora\n");
    return run;
  }

  @Test
  void the_base_is_judged_before_the_first_step_whole_and_by_speakers() throws Exception {
    RunLayout layout = new RunLayout(tuned.dir);
    HeldOutLoss judged = HeldOutLoss.read(layout.baseLoss()).orElseThrow();
    assertThat(judged.all()).isEqualTo(base.metrics("validation").getLast().get("cv_loss").asDouble());
    ParquetExamples dev = new ParquetExamples(layout, "dev", tuned.flowConfig());
    double seen = 0;
    for (int i = 0; i < dev.frames().length; i++) {
      seen += Set.of("dev-000", "dev-002").contains(dev.load(i).orElseThrow().utt()) ? dev.frames()[i] : 0;
    }
    double part = seen / Arrays.stream(dev.frames()).sum();
    assertThat(part * judged.seenSpeakers() + (1 - part) * judged.unseenSpeakers())
        .isCloseTo(judged.all(), within(1e-4 * judged.all()));
    assertThat(judged.seenSpeakers()).isNotEqualTo(judged.unseenSpeakers());
    assertThat(layout.trainLog()).content().contains("the model that training starts from has the validation loss");
    assertThat(HeldOutLoss.read(new RunLayout(base.dir).baseLoss())).as("of a random start").isEmpty();
  }

  @Test
  void the_mean_is_validated_again_and_the_best_goes_on_where_it_is_better() throws Exception {
    RunLayout layout = new RunLayout(tuned.dir);
    Map<String, Object> counts = new AverageTask().run(tuned.alone()).counts();
    double mean = (Double) counts.get("averagedCvLoss");
    double best = (Double) counts.get("bestCvLoss");
    assertThat(best).isCloseTo(tuned.metrics("end").getLast().get("cv_loss").asDouble(), within(1e-9));
    assertThat(mean).as("of four checkpoints of a run that still learns").isGreaterThan(best);
    assertThat(counts).containsEntry("exported", "best")
        .containsEntry("bestCheckpoint", "exp/flow_model/attempt-1/epoch_3_whole.pt");
    expectSameWeights(layout.averaged(), lastOf(tuned, 3));
    assertThat(HeldOutLoss.of(layout, tuned.flowConfig(), StateDictFile.read(layout.averaged()), "cpu").all())
        .isCloseTo(best, within(1e-6));
    assertThat(counts.get("againstBase")).isEqualTo(
        Map.of("heldOut", "better", "seenSpeakers", "better", "unseenSpeakers", "better"));
    assertThat(((HeldOutLoss) counts.get("tuned")).all()).isCloseTo(best, within(1e-6));
  }

  @Test
  void the_mean_goes_on_where_it_is_better_and_a_model_made_worse_is_called_so() throws Exception {
    SmallRun spoilt = run("spoilt", 2, "1.0e-30");
    new TrainTask().run(spoilt.startingFrom(lastOf(tuned, 3)));
    // two checkpoints to either side of what training began with: their mean is that, and each alone is worse
    float[] noise = {50, -50};
    for (int epoch = 0; epoch < 2; epoch++) {
      StateDict state = StateDictFile.read(lastOf(spoilt, epoch));
      LinkedHashMap<String, StateDict.Tensor> moved = new LinkedHashMap<>(state.tensors());
      float[] bias = moved.get("decoder.estimator.final_layer.linear.bias").floats();
      for (int i = 0; i < bias.length; i++) {
        bias[i] += noise[epoch];
      }
      moved.put("decoder.estimator.final_layer.linear.bias", StateDict.Tensor.of(bias, bias.length));
      StateDictFile.write(lastOf(spoilt, epoch), StateDict.of(moved, state.integers()));
      Path yaml = Path.of(lastOf(spoilt, epoch).toString().replace(".pt", ".yaml"));
      double loss = HeldOutLoss.of(new RunLayout(spoilt.dir), spoilt.flowConfig(), new StateDict(moved), "cpu").all();
      Files.writeString(yaml, Files.readString(yaml).replaceFirst("loss: .*", "loss: " + loss));
    }
    Map<String, Object> counts = new AverageTask().run(spoilt.alone()).counts();
    assertThat(counts).containsEntry("exported", "averaged");
    assertThat((Double) counts.get("averagedCvLoss")).isLessThan((Double) counts.get("bestCvLoss"));

    // of one of them alone nothing better can be said
    Files.delete(Path.of(lastOf(spoilt, 1).toString().replace(".pt", ".yaml")));
    counts = new AverageTask().run(spoilt.alone()).counts();
    assertThat(counts).containsEntry("averaged", 1).containsEntry("exported", "averaged");
    assertThat(((Map<?, ?>) counts.get("againstBase")).get("heldOut")).isEqualTo("worse");
  }

  private static void expectSameWeights(Path a, Path b) {
    var expected = StateDictFile.read(b).tensors();
    StateDictFile.read(a).tensors().forEach((name, tensor) ->
        assertThat(tensor.data().mismatch(expected.get(name).data())).as(name).isEqualTo(-1));
  }
}
