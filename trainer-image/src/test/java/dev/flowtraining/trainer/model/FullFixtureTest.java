package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Tensors;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The model at production size, with weights that follow from their names by a formula. Needs about 3 GB. */
class FullFixtureTest {

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "FORMULAS")
  void lossPredictionAndEveryGradientAgree(Gradients gradients) {
    try (FixtureModel fixture = FixtureModel.full()) {
      JsonNode expected = fixture.config;
      fill(fixture.parameters);
      expected.get("weight_samples").properties()
          .forEach(e -> checkSample(fixture.parameters, e.getKey(), e.getValue()));
      assertThat(fixture.parameters.count()).isEqualTo(expected.get("parameter_count").asLong());

      Map<String, float[]> seen = new HashMap<>();
      double divisor;
      try (NDManager m = fixture.manager(); var _ = Backward.recording(true)) {
        Batch batch = fixture.batch();
        divisor = fixture.lossDivisor(batch);
        Pass pass = new Pass(m, 0, (name, value) -> {
          if (List.of("h", "spk", "pred").contains(name)) {
            seen.put(name, (name.equals("pred") ? value.transpose(0, 2, 1) : value).toFloatArray());
          }
        }, Blocks.PLAIN, gradients.begin(fixture.parameters.device(), m));
        NDArray loss = fixture.model.lossSum(batch, fixture.draws(), pass);
        double expectedLoss = expected.get("loss").asDouble();
        assertThat(loss.getFloat() / divisor).isCloseTo(
            expectedLoss, within(tolerance(expected, "loss_rel") * expectedLoss));
        Backward.run(loss);
        pass.functions().backward();
      }
      seen.forEach((name, values) -> checkSummary(expected, name, values));
      checkGradients(fixture.parameters, expected, divisor);
    }
  }

  private static double tolerance(JsonNode expected, String name) {
    return expected.get("suggested_tolerance").get(name).asDouble();
  }

  private static void checkSummary(JsonNode expected, String name, float[] values) {
    JsonNode summary = expected.get(name);
    double abs = tolerance(expected, "pred_abs");
    double sum = 0;
    for (float v : values) {
      sum += v;
    }
    assertThat(sum / values.length).as(name + " mean").isCloseTo(summary.get("mean").asDouble(), within(abs));
    JsonNode first = summary.get("first8");
    for (int i = 0; i < first.size(); i++) {
      assertThat((double) values[i]).as(name + " " + i).isCloseTo(first.get(i).asDouble(), within(abs));
    }
    JsonNode last = summary.get("last4");
    for (int i = 0; i < last.size(); i++) {
      assertThat((double) values[values.length - last.size() + i]).as(name + " from the end")
          .isCloseTo(last.get(i).asDouble(), within(abs));
    }
  }

  private static void checkGradients(Parameters parameters, JsonNode expected, double divisor) {
    List<String> apart = new ArrayList<>();
    double total = 0;
    for (Parameters.Slot slot : parameters.slots()) {
      float[] gradient = Operators.narrow(parameters.grad(), 0, slot.offset(), slot.spec().elements()).toFloatArray();
      double squares = 0;
      for (float g : gradient) {
        squares += g / divisor * (g / divisor);
      }
      total += squares;
      String name = slot.spec().name();
      double norm = Math.sqrt(squares);
      double expectedNorm = expected.get("grads").get(name).get("norm").asDouble();
      // gradients of key biases are zero in exact arithmetic (softmax does not see them); what is left is rounding
      double rounding = 1e-6 * expected.get("grad_total_norm").asDouble();
      if (!(Math.abs(norm - expectedNorm) <= tolerance(expected, "grad_norm_rel") * expectedNorm + rounding)) {
        apart.add(name + ": " + norm + " instead of " + expectedNorm);
      }
    }
    assertThat(apart).isEmpty();
    double expectedTotal = expected.get("grad_total_norm").asDouble();
    assertThat(Math.sqrt(total)).isCloseTo(
        expectedTotal, within(tolerance(expected, "grad_norm_rel") * expectedTotal));
  }

  private static void checkSample(Parameters parameters, String name, JsonNode sample) {
    float[] values = parameters.get(name).toFloatArray();
    for (int i = 0; i < sample.size() - 1; i++) {
      assertThat(values[i]).isEqualTo((float) sample.get(i).asDouble());
    }
    assertThat(values[values.length - 1]).isEqualTo((float) sample.get(sample.size() - 1).asDouble());
  }

  /** The fixtures' {@code weights_formula}. */
  private static void fill(Parameters parameters) {
    FloatBuffer flat = FloatBuffer.allocate((int) parameters.size());
    for (Parameters.Slot slot : parameters.slots()) {
      ParameterSpec spec = slot.spec();
      long h = 0xcbf29ce484222325L;
      for (byte b : spec.name().getBytes(StandardCharsets.UTF_8)) {
        h = (h ^ (b & 0xff)) * 0x100000001b3L;
      }
      double scale = spec.name().endsWith("embedding.weight") ? Math.sqrt(3)
          : spec.shape().length >= 2 ? Math.sqrt(3.0 / (spec.elements() / spec.shape()[0])) : 0.1;
      double centre = spec.shape().length < 2 && spec.name().endsWith(".weight") ? 1 : 0;
      for (long i = 0; i < spec.elements(); i++) {
        long z = (h + i + 1) * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        z ^= z >>> 31;
        double u = (z >>> 11) * 0x1p-53 * 2 - 1;
        flat.put((int) (slot.offset() + i), (float) (centre + scale * u));
      }
    }
    try (NDManager m = NDManager.newBaseManager(parameters.device(), "PyTorch")) {
      Tensors.copy(parameters.flat(), m.create(flat, parameters.flat().getShape()));
    }
  }
}
