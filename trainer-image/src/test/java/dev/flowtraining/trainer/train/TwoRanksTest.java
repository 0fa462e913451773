package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two ranks with one micro-batch each are one rank with two: the same global batch gives the same training. */
class TwoRanksTest {
  private static final int STEPS = 5;
  private static final String CONFIG = """
      dataset_conf: {max_frames_in_batch: 200}
      train_conf:
        scheduler: constantlr
        optim_conf: {lr: 1.0e-3}
        max_epoch: 1
        accum_grad: %d
        log_interval: 1
        save_per_step: 1
        keep_last: 5
        dropout: 0.0
      """;

  @TempDir Path dir;

  @Test
  void same_gradients_losses_and_parameters() throws Exception {
    SmallRun one = SmallRun.create(dir.resolve("one"), 40, 4, CONFIG.formatted(2));
    SmallRun two = SmallRun.create(dir.resolve("two"), 40, 4, CONFIG.formatted(1));
    assertThat(RankProcess.await(RankProcess.start(one, 1, 1))).as(RankProcess.output(one, 0, 1)).containsOnly(0);
    assertThat(RankProcess.await(RankProcess.start(two, 2, 1))).as(RankProcess.output(two, 1, 1)).containsOnly(0);

    Map<Long, String> lossesOfOne = one.losses();
    Map<Long, String> lossesOfTwo = two.losses();
    assertThat(lossesOfTwo.keySet()).isEqualTo(lossesOfOne.keySet()).hasSizeGreaterThanOrEqualTo(STEPS);
    for (long step = 1; step <= STEPS; step++) {
      assertThat(Double.parseDouble(lossesOfTwo.get(step))).as("loss of step %d", step)
          .isCloseTo(Double.parseDouble(lossesOfOne.get(step)), Percentage.withPercentage(1e-3));
    }
    // Adam's first average is (1−β1) times the gradient that all ranks have reduced
    assertThat(distance(read(one, "step_1_optimizer.pt", "exp_avg."), read(two, "step_1_optimizer.pt", "exp_avg.")))
        .as("relative distance of the first gradients").isLessThan(1e-5);
    expectWithinOptimizerTolerance(read(one, "step_5.pt", ""), read(two, "step_5.pt", ""));

    List<JsonNode> validations = one.metrics("validation");
    assertThat(two.metrics("validation").getLast().get("cv_loss").asDouble())
        .isCloseTo(validations.getLast().get("cv_loss").asDouble(), Percentage.withPercentage(1e-2));
  }

  /** {@code params_after_steps} of the fixtures: 99.95 % of all elements within 2e-5, every element within 1e-3. */
  private static void expectWithinOptimizerTolerance(float[] one, float[] two) {
    assertThat(Fixtures.json("tiny/config.json").get("suggested_tolerance").get("params_after_steps").asText())
        .contains("99.95 percent").contains("2e-5").contains("1e-3");
    long far = 0;
    for (int i = 0; i < one.length; i++) {
      float difference = Math.abs(one[i] - two[i]);
      assertThat(difference).isLessThanOrEqualTo(1e-3f);
      far += difference > 2e-5f ? 1 : 0;
    }
    assertThat(far / (double) one.length).isLessThan(0.0005);
  }

  private static double distance(float[] one, float[] two) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < one.length; i++) {
      difference += Math.pow((double) one[i] - two[i], 2);
      norm += Math.pow(one[i], 2);
    }
    assertThat(norm).isPositive();
    return Math.sqrt(difference / norm);
  }

  private static float[] read(SmallRun run, String file, String prefix) {
    StateDict state = StateDictFile.read(run.dir.resolve("exp/flow_model/attempt-1").resolve(file));
    FloatBuffer all = FloatBuffer.allocate(50_000_000);
    state.tensors().forEach((name, tensor) -> {
      if (name.startsWith(prefix)) {
        all.put(tensor.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer());
      }
    });
    float[] values = new float[all.flip().remaining()];
    all.get(values);
    assertThat(values).isNotEmpty();
    return values;
  }
}
