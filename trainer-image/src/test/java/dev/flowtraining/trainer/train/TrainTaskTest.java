package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import sun.misc.Signal;

class TrainTaskTest {
  @TempDir Path dir;

  @Test
  void learns_and_says_so() throws Exception {
    SmallRun run = SmallRun.create(dir, 30, 6, """
        dataset_conf: {max_frames_in_batch: 400}
        train_conf: {max_epoch: 30, log_interval: 10, dropout: 0.1, scheduler: constantlr, optim_conf: {lr: 3.0e-3}}
        """);
    List<Map<String, Object>> seen = new ArrayList<>();
    Progress progress = (stage, fraction, message, fields) -> seen.add(fields);
    StageTask.Result result = new TrainTask().run(run.context(Ranks.of(Map.of()), null, progress));
    double first = run.metrics("validation").getFirst().get("cv_loss").asDouble();
    double last = (Double) result.counts().get("cvLoss");
    assertThat(last).isLessThan(0.6 * first);
    assertThat(last).isLessThan((Double) result.counts().get("cvConstantLoss"));
    assertThat(result.counts()).containsEntry("epochs", 30).containsEntry("endedBy", "max_epoch")
        .containsEntry("utterances", 30).containsEntry("skippedSteps", 0L);
    assertThat(seen.getLast()).containsKeys("epoch", "maxEpoch", "step", "loss", "cvLoss", "bestCvLoss", "learningRate",
        "framesPerSecond", "estimatedCompletion", "checkpoint");
    assertThat(dir.resolve(((Map<?, ?>) seen.getLast().get("checkpoint")).get("path").toString())).exists();
    assertThat(dir.resolve("exp/flow_model/attempt-1/epoch_29_whole.yaml")).content().contains("loss_dict:\n  loss: " + last);
    assertThat(new TrainTask().resultsPresent(run.alone())).isTrue();
  }

  @Test
  void asked_to_stop_during_the_validation_it_saves_the_epoch_and_goes_on_there() throws Exception {
    String config = """
        dataset_conf: {max_frames_in_batch: 300}
        train_conf: {max_epoch: 2, log_interval: 1, dropout: 0.1}
        """;
    SmallRun unhurt = SmallRun.create(dir.resolve("unhurt"), 12, 6, config);
    new TrainTask().run(unhurt.alone());
    int epoch = unhurt.metrics("validation").getFirst().get("step").asInt();

    SmallRun run = SmallRun.create(dir.resolve("stopped"), 12, 6, config);
    Progress stopAfterTheLastStep = (stage, fraction, message, fields) -> {
      if (Integer.valueOf(epoch).equals(asInt(fields.get("step")))) {
        Signal.raise(new Signal("TERM"));
        pause(); // until the signal's own thread has seen it
      }
    };
    assertThatThrownBy(() -> new TrainTask().run(run.context(Ranks.of(Map.of()), null, stopAfterTheLastStep)))
        .isInstanceOfSatisfying(StageFailure.class, e -> {
          assertThat(e.exitCode()).isEqualTo(ExitCode.TERMINATED);
          assertThat(e).hasMessageContaining("saved exp/flow_model/attempt-1/step_" + epoch + ".pt");
        });
    assertThat(run.metrics("validation")).as("validations that were finished").isEmpty();

    new TrainTask().run(run.alone());
    assertThat(run.losses()).isEqualTo(unhurt.losses());
    assertThat(run.metrics("step")).as("no step twice").hasSameSizeAs(unhurt.metrics("step"));
    assertThat(run.metrics("validation")).extracting(v -> v.get("cv_loss").asText())
        .isEqualTo(unhurt.metrics("validation").stream().map(v -> v.get("cv_loss").asText()).toList());
  }

  private static Integer asInt(Object number) {
    return number instanceof Number n ? (Integer) n.intValue() : null;
  }

  private static void pause() {
    try {
      Thread.sleep(500);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void losses_that_are_not_finite_are_skipped_and_then_end_training() throws Exception {
    SmallRun run = SmallRun.create(dir, 30, 4, """
        dataset_conf: {max_frames_in_batch: 100}
        train_conf: {max_epoch: 9, log_interval: 1, scheduler: constantlr, optim_conf: {lr: 1.0e-3}, keep_last: 1,
                     max_skipped_steps: 4}
        """);
    Path broken = withNotANumber(run.flowConfig(), "encoder_proj.bias", 0);
    assertThatThrownBy(() -> new TrainTask().run(run.startingFrom(broken))).isInstanceOfSatisfying(StageFailure.class, e -> {
      assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_DATA);
      assertThat(e.reason()).isEqualTo("NonFiniteLoss");
      assertThat(e).hasMessageContaining("4 steps in a row").hasMessageContaining("train-0");
    });
    assertThat(dir.resolve("exp/flow_model/train.log")).content().contains("step 0 skipped: loss NaN");
    assertThat(run.metrics("validation")).isEmpty();
  }

  /** The embedding of a token that one utterance has alone is no number: its steps are skipped, the others count. */
  @Test
  void a_loss_that_is_not_finite_is_skipped_counted_and_named() throws Exception {
    SmallRun run = SmallRun.create(dir, 12, 4, """
        dataset_conf: {max_frames_in_batch: 100}
        train_conf: {max_epoch: 2, log_interval: 1, accum_grad: 1, max_skipped_steps: 2}
        """);
    Map<Integer, List<String>> uttsOfToken = new TreeMap<>();
    for (String split : List.of("train", "dev")) {
      ParquetExamples examples = new ParquetExamples(new RunLayout(dir), split, run.flowConfig());
      for (int i = 0; i < examples.frames().length; i++) {
        Example example = examples.load(i).orElseThrow();
        uttsOfToken.computeIfAbsent(example.token_2T()[0], t -> new ArrayList<>()).add(example.utt());
      }
    }
    var only = uttsOfToken.entrySet().stream()
        .filter(e -> e.getValue().size() == 1 && e.getValue().getFirst().startsWith("train")).findFirst().orElseThrow();
    StageTask.Result result = new TrainTask().run(run.startingFrom(
        withNotANumber(run.flowConfig(), "input_embedding.embedding.weight", only.getKey())));
    assertThat(result.counts()).containsEntry("skippedSteps", 2L);
    assertThat((Double) result.counts().get("cvLoss")).isFinite();
    List<String> skipped = Files.readAllLines(dir.resolve("exp/flow_model/train.log")).stream()
        .filter(l -> l.contains(" skipped: loss NaN")).toList();
    assertThat(skipped).hasSize(2).allMatch(l -> l.contains(only.getValue().getFirst()));
    float[] trained = StateDictFile.read(dir.resolve("exp/flow_model/attempt-1/epoch_1_whole.pt")).tensors()
        .get("encoder_proj.weight").floats();
    assertThat(trained).doesNotContain(Float.NaN);
  }

  /** Weights of which the first value of a row is no number. */
  private Path withNotANumber(FlowConfig config, String name, int row) throws IOException {
    Path broken = dir.resolve("broken.pt");
    try (Parameters parameters = Parameters.create(config.model(), Torch.start("cpu", 1))) {
      parameters.initialise(1);
      StateDict state = parameters.stateDict();
      StateDict.Tensor tensor = state.tensors().get(name);
      float[] values = tensor.floats();
      values[row * (values.length / (int) tensor.shape()[0])] = Float.NaN;
      state.tensors().put(name, StateDict.Tensor.of(values, tensor.shape()));
      StateDictFile.write(broken, state);
    }
    return broken;
  }
}
