package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Functions;
import dev.flowtraining.trainer.torch.StateDict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The model computes what upstream's PyTorch model computes: every stage, the loss, the gradients, the sampler. */
class FlowModelFixtureTest {
  private static FixtureModel fixture;

  @BeforeAll
  static void open() {
    fixture = FixtureModel.tiny();
  }

  @AfterAll
  static void close() {
    fixture.close();
  }

  private static double tolerance(String name) {
    return fixture.config.get("suggested_tolerance").get(name).asDouble();
  }

  @Test
  void everyStageOfTheForwardAgrees() {
    Map<String, StateDict.Tensor> expected = Fixtures.npz("tiny/expected.npz");
    Map<String, float[]> seen = new HashMap<>();
    try (NDManager m = fixture.manager()) {
      Pass pass = new Pass(m, 0, (name, value) -> seen.put(name, inLayoutOf(expected.get(name), value)));
      Batch batch = fixture.batch();
      float loss = fixture.model.lossSum(batch, fixture.draws(), pass).getFloat();
      seen.put("loss", new float[] {(float) (loss / fixture.lossDivisor(batch))});
    }
    assertThat(seen.keySet()).containsAll(expected.keySet());
    List<String> apart = new ArrayList<>();
    expected.forEach((name, tensor) -> {
      double difference = largestDifference(seen.get(name), tensor.floats());
      if (!(difference <= tolerance("forward_abs"))) {
        apart.add(name + ": " + difference);
      }
    });
    assertThat(apart).isEmpty();
  }

  /** Upstream's arrays are (B,C,F) in places where these are (B,F,C). */
  private static float[] inLayoutOf(StateDict.Tensor expected, NDArray value) {
    if (expected == null) {
      return new float[0];
    }
    long[] shape = value.getShape().getShape();
    boolean swapped = shape.length == 3 && expected.shape().length == 3
        && shape[1] == expected.shape()[2] && shape[2] == expected.shape()[1] && shape[1] != shape[2];
    return (swapped ? value.transpose(0, 2, 1) : value).toFloatArray();
  }

  @ParameterizedTest
  @EnumSource
  void lossAndGradientsAgree(Gradients gradients) {
    fixture.parameters.zeroGrad();
    double divisor;
    try (NDManager m = fixture.manager()) {
      Batch batch = fixture.batch();
      Functions functions = gradients.begin(fixture.parameters.device(), m);
      NDArray loss = fixture.model.lossSum(fixture.model.inputs(m, batch, fixture.draws()), 0, Blocks.PLAIN, m, functions);
      divisor = fixture.lossDivisor(batch);
      double expected = fixture.config.get("numbers").get("loss").asDouble();
      assertThat(loss.getFloat() / divisor).isCloseTo(expected, within(tolerance("loss_rel") * expected));
      Backward.run(loss);
      functions.backward();
    }
    Map<String, StateDict.Tensor> actual = fixture.parameters.named(Parameters.contents(fixture.parameters.grad()), name -> name);
    Map<String, StateDict.Tensor> expected = Fixtures.npz("tiny/grads.npz");
    assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
    List<String> apart = new ArrayList<>();
    double sum = 0;
    for (Map.Entry<String, StateDict.Tensor> e : expected.entrySet()) {
      float[] gradient = actual.get(e.getKey()).floats();
      for (int i = 0; i < gradient.length; i++) {
        gradient[i] /= (float) divisor;
      }
      double difference = largestDifference(gradient, e.getValue().floats());
      if (!(difference <= tolerance("grad_abs"))) {
        apart.add(e.getKey() + ": " + difference);
      }
      for (float g : gradient) {
        sum += (double) g * g;
      }
    }
    assertThat(apart).isEmpty();
    assertThat(Math.sqrt(sum)).isCloseTo(
        fixture.config.get("numbers").get("grad_total_norm").asDouble(), within(1e-3));
  }

  @Test
  void samplerAgrees() {
    Map<String, StateDict.Tensor> in = Fixtures.npz("tiny/infer.npz");
    List<Float> times = new ArrayList<>();
    List<float[]> estimates = new ArrayList<>();
    Pass.Trace trace = (name, value) -> {
      if (name.equals("t")) {
        times.add(value.getFloat());
      } else {
        estimates.add(value.transpose(0, 2, 1).toFloatArray());
      }
    };
    float[] mel = fixture.model.sample(pairs(in.get("prompt_token"), in.get("token")), in.get("embedding").floats(),
        in.get("prompt_feat").floats(), in.get("noise").floats(),
        fixture.config.get("infer").get("n_timesteps").asInt(), fixture.config.get("infer").get("cfg_rate").asDouble(),
        trace);

    float[] expectedTimes = in.get("t_values").floats();
    assertThat(times).hasSize(expectedTimes.length);
    for (int i = 0; i < expectedTimes.length; i++) {
      assertThat(times.get(i)).isCloseTo(expectedTimes[i], within(1e-6f));
    }
    double abs = tolerance("infer_abs");
    assertThat(largestDifference(estimates.getFirst(), in.get("first_estimator_out").floats())).isLessThan(abs);
    assertThat(largestDifference(estimates.getLast(), in.get("last_estimator_out").floats())).isLessThan(abs);
    assertThat(largestDifference(mel, transposed(in.get("mel")))).isLessThan(abs);
  }

  private static int[][] pairs(StateDict.Tensor... parts) {
    List<int[]> pairs = new ArrayList<>();
    for (StateDict.Tensor part : parts) {
      long[] ids = part.longs();
      for (int i = 0; i < ids.length; i += 2) {
        pairs.add(new int[] {(int) ids[i], (int) ids[i + 1]});
      }
    }
    return pairs.toArray(int[][]::new);
  }

  /** (1,M,F) to (F,M). */
  private static float[] transposed(StateDict.Tensor tensor) {
    int m = (int) tensor.shape()[1];
    int f = (int) tensor.shape()[2];
    float[] in = tensor.floats();
    float[] out = new float[in.length];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < f; j++) {
        out[j * m + i] = in[i * f + j];
      }
    }
    return out;
  }

  static double largestDifference(float[] actual, float[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double largest = 0;
    for (int i = 0; i < actual.length; i++) {
      double difference = Math.abs((double) actual[i] - expected[i]);
      largest = difference > largest || Double.isNaN(difference) ? difference : largest;
    }
    return largest;
  }
}
