package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.train.Adam;
import dev.flowtraining.trainer.train.GradientNorm;
import dev.flowtraining.trainer.train.Share;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A few steps of the whole loop (forward, backward, clip, Adam) end where torch's end. */
class OptimizerFixtureTest {

  @ParameterizedTest
  @ValueSource(strings = {"adam", "adamw"})
  void stepsAgree(String name) {
    try (FixtureModel fixture = FixtureModel.tiny()) {
      JsonNode expected = fixture.config.get("optimizers").get(name);
      try (Adam adam = new Adam(Share.whole(fixture.parameters), optim(expected), name.equals("adamw"))) {
        for (int step = 0; step < expected.get("steps").asInt(); step++) {
          step(fixture, adam, expected, step);
        }
        assertThat(adam.steps()).isEqualTo(expected.get("steps").asLong());
      }
      compare(fixture.parameters.stateDict().tensors(), Fixtures.npz("tiny/" + expected.get("params_file").asText()));
    }
  }

  private static void step(FixtureModel fixture, Adam adam, JsonNode expected, int step) {
    fixture.parameters.zeroGrad();
    double divisor;
    try (NDManager m = fixture.manager()) {
      Batch batch = fixture.batch();
      divisor = fixture.lossDivisor(batch);
      NDArray loss = fixture.model.lossSum(batch, fixture.draws(), 0, m);
      double expectedLoss = expected.get("loss_before_each_step").get(step).asDouble();
      assertThat(loss.getFloat() / divisor).isCloseTo(expectedLoss, within(1e-5 * expectedLoss));
      Backward.run(loss);
    }
    double norm = GradientNorm.l2(fixture.parameters) / divisor;
    double expectedNorm = expected.get("grad_norm_before_clip").get(step).asDouble();
    assertThat(norm).isCloseTo(expectedNorm, within(1e-4 * expectedNorm));
    double clip = Math.min(1, expected.get("grad_clip_l2").asDouble() / (norm + 1e-6));
    adam.step(expected.get("lr").asDouble(), clip / divisor);
  }

  private static FlowConfig.Optim optim(JsonNode node) {
    return new FlowConfig.Optim(node.get("lr").asDouble(),
        List.of(node.get("betas").get(0).asDouble(), node.get("betas").get(1).asDouble()),
        node.get("eps").asDouble(), node.get("weight_decay").asDouble());
  }

  /** Adam moves an element with a gradient near zero by up to lr in a direction that rounding decides. */
  private static void compare(Map<String, StateDict.Tensor> actual, Map<String, StateDict.Tensor> expected) {
    long elements = 0;
    long apart = 0;
    double largest = 0;
    for (Map.Entry<String, StateDict.Tensor> e : expected.entrySet()) {
      float[] a = actual.get(e.getKey()).floats();
      float[] b = e.getValue().floats();
      for (int i = 0; i < a.length; i++) {
        double difference = Math.abs((double) a[i] - b[i]);
        apart += difference <= 2e-5 ? 0 : 1;
        largest = Math.max(largest, difference);
      }
      elements += a.length;
    }
    assertThat((double) apart / elements).as("part of the elements that differ by more than 2e-5")
        .isLessThanOrEqualTo(0.0005);
    assertThat(largest).isLessThanOrEqualTo(1e-3);
  }
}
