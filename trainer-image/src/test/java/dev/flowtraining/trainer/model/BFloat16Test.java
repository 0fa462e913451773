package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Torch;
import dev.flowtraining.trainer.train.Adam;
import dev.flowtraining.trainer.train.Replicated;
import dev.flowtraining.trainer.train.Share;
import dev.flowtraining.trainer.train.Update;
import java.util.LinkedHashMap;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Training in bfloat16 follows training in float32 to within the 8 bits of its fraction. */
class BFloat16Test {
  private FixtureModel fixture;
  private Parameters parameters;
  private FlowModel model;

  @BeforeEach
  void open() {
    fixture = FixtureModel.tiny();
    Device device = Torch.start(System.getProperty("fixtures.device", "cpu"), 1);
    parameters = Parameters.create(fixture.modelConfig, device, Precision.BF16);
    parameters.load(new StateDict(new LinkedHashMap<>(Fixtures.npz("tiny/weights.npz"))), true);
    model = new FlowModel(fixture.modelConfig, matching(), parameters);
  }

  @AfterEach
  void close() {
    parameters.close();
    fixture.close();
  }

  private FlowConfig.FlowMatching matching() {
    return new FlowConfig.FlowMatching(fixture.config.get("sigma_min").asDouble(), 0.2, 0.5, 0.3);
  }

  @Test
  void lossesAndNormsOfAFewStepsAreNear() {
    var expected = fixture.config.get("optimizers").get("adam");
    Batch batch = fixture.batch();
    double mean = 1 / fixture.lossDivisor(batch);
    FlowConfig.Optim optim = new FlowConfig.Optim(expected.get("lr").asDouble(), List.of(0.9, 0.999), 1e-8, 0);
    try (Adam adam = new Adam(Share.whole(parameters), optim, false)) {
      for (int step = 0; step < expected.get("steps").asInt(); step++) {
        parameters.zeroGrad();
        double loss = 0;
        for (int micro = 0; micro < 2; micro++) { // twice the same, so that sums are seen to be sums
          loss += forwardBackward(batch);
        }
        double wanted = expected.get("loss_before_each_step").get(step).asDouble();
        assertThat(loss / 2 * mean).as("loss of step %d", step).isCloseTo(wanted, within(0.01 * wanted));
        try (Update update = Update.apply(
            Replicated.alone(parameters), adam, optim.lr(), mean / 2, expected.get("grad_clip_l2").asDouble())) {
          double norm = expected.get("grad_norm_before_clip").get(step).asDouble();
          assertThat(update.norm()).as("norm of step %d", step).isCloseTo(norm, within(0.02 * norm));
          assertThat(update.skipped()).isFalse();
        }
      }
    }
  }

  @Test
  void validationComputesWithTheMasters() {
    FlowModel masters = FlowModel.ofMasters(fixture.modelConfig, matching(), parameters);
    double expected = fixture.model.evaluateSum(fixture.batch(), fixture.draws());
    assertThat(masters.evaluateSum(fixture.batch(), fixture.draws())).isEqualTo(expected);
    assertThat(model.evaluateSum(fixture.batch(), fixture.draws())).isNotEqualTo(expected);
  }

  @Test
  void aGradientThatIsNotFiniteLeavesEverythingAlone() {
    float[] before = parameters.flat().toFloatArray();
    try (Adam adam = new Adam(Share.whole(parameters), new FlowConfig.Optim(1e-3, List.of(0.9, 0.999), 1e-8, 0), false)) {
      parameters.zeroGrad();
      forwardBackward(fixture.batch());
      try (NDManager m = fixture.manager()) {
        parameters.grad().addi(m.create(Float.NaN));
      }
      try (Update update = Update.apply(Replicated.alone(parameters), adam, 1e-3, 1, 5)) {
        assertThat(update.skipped()).isTrue();
      }
      assertThat(adam.steps()).isZero();
    }
    assertThat(parameters.flat().toFloatArray()).isEqualTo(before);
  }

  private double forwardBackward(Batch batch) {
    try (NDManager m = fixture.manager()) {
      NDArray loss = model.lossSum(batch, fixture.draws(), 0, m);
      Backward.run(loss);
      parameters.gather();
      return loss.getFloat();
    }
  }
}
