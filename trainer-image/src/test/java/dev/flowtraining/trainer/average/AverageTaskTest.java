package dev.flowtraining.trainer.average;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AverageTaskTest {
  @TempDir Path folder;

  private RunLayout layout() {
    return new RunLayout(folder);
  }

  private StageTask.Result average(int num, String by) throws IOException {
    StageOptions options = new StageOptions(null, null, null, null, "builtin", "builtin", "builtin", "builtin",
        "torch_ddp", null, "cpu", null, num, by, null);
    return new AverageTask().run(
        new StageContext(layout(), ConfigLoader.preset("tiny"), options, Ranks.of(Map.of()), Progress.NONE));
  }

  private void copyFixtures(int attempt) throws IOException {
    Files.createDirectories(layout().attempt(attempt));
    try (Stream<Path> files = Files.list(Fixtures.file("checkpoints"))) {
      for (Path file : files.filter(f -> f.getFileName().toString().startsWith("epoch_")).toList()) {
        Files.copy(file, layout().attempt(attempt).resolve(file.getFileName()));
      }
    }
  }

  private void checkpoint(int attempt, String name, int epoch, int step, String tag, double loss, float value)
      throws IOException {
    LinkedHashMap<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("w", Tensor.of(new float[] {value, -value}, 2));
    StateDictFile.write(layout().attempt(attempt).resolve(name + ".pt"),
        StateDict.of(tensors, Map.of("epoch", (long) epoch, "step", (long) step)));
    Files.writeString(layout().attempt(attempt).resolve(name + ".yaml"),
        "epoch: " + epoch + "\nloss_dict:\n  loss: " + loss + "\nstep: " + step + "\ntag: " + tag + "\n");
  }

  private float weight() {
    return StateDictFile.read(layout().averaged()).tensors().get("w").floats()[0];
  }

  @Test
  void theMovingAverageOfTheNewestIsTakenAsItIs() throws IOException {
    Files.createDirectories(layout().attempt(1));
    checkpoint(1, "epoch_0_whole", 0, 5, "CV", 0.1, 1);
    StageFailure none = catchThrowableOfType(StageFailure.class, () -> average(5, "ema"));
    assertThat(none.exitCode()).isEqualTo(ExitCode.MISSING);
    assertThat(none).hasMessageContaining("train_conf.ema_decay");
    checkpoint(1, "epoch_1_whole", 1, 10, "CV", 0.5, 2);
    checkpoint(1, "step_7", 1, 7, "TRAIN", 0.5, 3);
    for (String name : List.of("epoch_0", "epoch_1", "step_7")) {
      float value = name.equals("epoch_1") ? 8 : 9;
      StateDictFile.write(layout().attempt(1).resolve(name + "_ema.pt"),
          StateDict.of(Map.of("w", Tensor.of(new float[] {value, -value}, 2)), Map.of("ema_steps", 10L)));
    }
    StageTask.Result result = average(5, "ema");
    assertThat(weight()).isEqualTo(8);
    assertThat(result.counts()).containsEntry("averaged", 1).containsEntry("by", "ema");
    Files.write(layout().attempt(1).resolve("epoch_1_ema.pt"), new byte[9]);
    average(5, "ema");
    assertThat(weight()).as("of the one before").isEqualTo(9);
  }

  @Test
  void theMeanOfTheBestIsUpstreams() throws IOException {
    copyFixtures(1);
    JsonNode meta = Fixtures.json("checkpoints/meta.json").get("average");
    StageTask.Result result = average(meta.get("num").asInt(), "valBest");
    StateDict mean = StateDictFile.read(layout().averaged());
    Map<String, Tensor> expected = Fixtures.npz("checkpoints/" + meta.get("expected").asText());
    assertThat(mean.tensors().keySet()).containsExactlyElementsOf(expected.keySet());
    assertThat(mean.integers()).isEmpty();
    expected.forEach((name, tensor) -> {
      assertThat(mean.tensors().get(name).shape()).isEqualTo(tensor.shape());
      double[] got = mean.tensors().get(name).doubles();
      double[] want = tensor.doubles();
      for (int i = 0; i < want.length; i++) {
        assertThat(got[i]).as(name).isCloseTo(want[i], within(1e-6));
      }
    });
    assertThat(result.counts()).containsEntry("averaged", meta.get("num").asInt()).containsEntry("by", "valBest");
  }

  @Test
  void theLastAreTakenByStepWhateverTheirLoss() throws IOException {
    for (int epoch = 0; epoch < 4; epoch++) {
      checkpoint(1, "epoch_" + epoch + "_whole", epoch, 10 * (epoch + 1), "CV", epoch, epoch);
    }
    checkpoint(1, "step_35", 3, 35, "TRAIN", 0, 100);
    average(2, "last");
    assertThat(weight()).isEqualTo((3 + 100) / 2f);
    average(2, "valBest");
    assertThat(weight()).isEqualTo((0 + 1) / 2f);
  }

  @Test
  void aLaterAttemptsCheckpointReplacesTheSameOfAnEarlierOne() throws IOException {
    checkpoint(1, "epoch_0_whole", 0, 10, "CV", 0.9, 1);
    checkpoint(1, "epoch_1_whole", 1, 20, "CV", 0.1, 50); // a zombie's, better by its own account
    checkpoint(2, "epoch_1_whole", 1, 20, "CV", 0.5, 3);
    for (String by : List.of("last", "valBest")) {
      average(5, by);
      assertThat(weight()).as(by).isEqualTo(2);
    }
  }

  @Test
  void aCheckpointCutInHalfIsReplacedByTheOneBefore() throws IOException {
    for (int epoch = 0; epoch < 3; epoch++) {
      checkpoint(1, "epoch_" + epoch + "_whole", epoch, 10 * (epoch + 1), "CV", 1, epoch);
    }
    Path last = layout().attempt(1).resolve("epoch_2_whole.pt");
    byte[] bytes = Files.readAllBytes(last);
    Files.write(last, Arrays.copyOf(bytes, bytes.length / 2));
    Files.writeString(layout().attempt(1).resolve("epoch_3_whole.pt"), "no yaml yet: still being written");
    StageTask.Result result = average(2, "last");
    assertThat(weight()).isEqualTo(0.5f);
    assertThat(result.counts()).containsEntry("averaged", 2).containsEntry("passedOver", 2)
        .containsEntry("checkpoints", List.of("exp/flow_model/attempt-1/epoch_1_whole.pt", "exp/flow_model/attempt-1/epoch_0_whole.pt"));
  }

  @Test
  void fewerThanAskedForAreUsedAndSaid() throws IOException {
    checkpoint(1, "epoch_0_whole", 0, 10, "CV", 1, 4);
    assertThat(average(5, "last").counts()).containsEntry("averaged", 1).containsEntry("asked", 5);
  }

  @Test
  void nothingToAverageIsNoCheckpoint() throws IOException {
    StageFailure none = catchThrowableOfType(StageFailure.class, () -> average(5, "last"));
    assertThat(none.reason()).isEqualTo("NoCheckpoint");
    assertThat(none.exitCode()).isEqualTo(ExitCode.MISSING);
    checkpoint(1, "step_5", 0, 5, "TRAIN", 1, 4);
    StageFailure unvalidated = catchThrowableOfType(StageFailure.class, () -> average(5, "valBest"));
    assertThat(unvalidated.reason()).isEqualTo("NoCheckpoint");
    assertThat(unvalidated.getMessage()).contains("last");
  }

  @Test
  void checkpointsOfTwoModelsAreNotMixed() throws IOException {
    copyFixtures(1);
    checkpoint(1, "epoch_9_whole", 9, 900, "CV", 1, 4);
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> average(2, "last"));
    assertThat(failure.reason()).isEqualTo("CheckpointMismatch");
  }

  @Test
  void weightsThatAreNotFiniteAreRefused() throws IOException {
    checkpoint(1, "epoch_0_whole", 0, 10, "CV", 1, Float.NaN);
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> average(1, "last"));
    assertThat(failure.reason()).isEqualTo("NonFiniteWeights");
    assertThat(layout().averaged()).doesNotExist();
  }
}
