package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import org.junit.jupiter.api.Test;

class ParametersTest {
  private static Parameters tiny() {
    return Parameters.create(
        FixtureModel.modelConfig(Fixtures.json("tiny/config.json").get("model")), Torch.start("cpu", 1));
  }

  @Test
  void namesOrderAndShapesAreTheReleasedCheckpoints() {
    JsonNode expected = Fixtures.json("state_dict.json");
    List<String> names = new ArrayList<>();
    expected.get("state_dict").forEach(e -> names.add(e.get("name").asText() + e.get("shape")));
    List<ParameterSpec> specs = FlowModelParameters.of(FixtureModel.modelConfig(expected.get("model")));

    assertThat(specs.stream().map(s -> s.name() + Arrays.toString(s.shape()).replace(" ", "")))
        .containsExactlyElementsOf(names);
    assertThat(specs.stream().mapToLong(ParameterSpec::elements).sum())
        .isEqualTo(expected.get("parameter_count").asLong());
  }

  @Test
  void theTinyModelHasTheFixturesNamesInTheirOrder() {
    ModelConfig config = FixtureModel.modelConfig(Fixtures.json("tiny/config.json").get("model"));
    assertThat(FlowModelParameters.of(config).stream().map(ParameterSpec::name))
        .containsExactlyElementsOf(Fixtures.npz("tiny/weights.npz").keySet());
  }

  @Test
  void initialValuesFollowTheirDistributionAndTheSeed() {
    try (Parameters one = tiny(); Parameters two = tiny()) {
      one.initialise(7);
      two.initialise(7);
      assertThat(two.flat().toFloatArray()).isEqualTo(one.flat().toFloatArray());
      two.initialise(8);
      assertThat(two.flat().toFloatArray()).isNotEqualTo(one.flat().toFloatArray());

      for (Parameters.Slot slot : one.slots()) {
        float[] values = one.get(slot.spec().name()).toFloatArray();
        double mean = mean(values);
        double deviation = Math.sqrt(mean(squares(values)) - mean * mean);
        double error = 6 / Math.sqrt(values.length); // six standard errors, and a little for short parameters
        switch (slot.spec().init()) {
          case Init.Constant(double value) -> assertThat(values).containsOnly((float) value);
          case Init.Uniform(double bound) -> {
            assertThat(deviation).as(slot.spec().name()).isCloseTo(bound / Math.sqrt(3), within(bound * error));
            assertThat(FlowModelFixtureTest.largestDifference(values, new float[values.length]))
                .isLessThanOrEqualTo(bound * (1 + 1e-6));
          }
          case Init.Normal(double d) -> {
            assertThat(mean).as(slot.spec().name()).isCloseTo(0, within(d * error));
            assertThat(deviation).as(slot.spec().name()).isCloseTo(d, within(d * error));
          }
        }
      }
    }
  }

  @Test
  void theEstimatorStartsAsZeroVelocity() {
    try (Parameters parameters = tiny()) {
      parameters.initialise(1);
      assertThat(parameters.get("decoder.estimator.final_layer.linear.weight").toFloatArray()).containsOnly(0);
      assertThat(parameters.get("decoder.estimator.blocks.0.adaLN_modulation.1.weight").toFloatArray())
          .containsOnly(0);
    }
  }

  @Test
  void aStateDictComesBackAsItWasLoaded() {
    StateDict state = weights();
    try (Parameters parameters = tiny()) {
      parameters.load(state, true);
      StateDict back = parameters.stateDict();
      assertThat(back.tensors().keySet()).containsExactlyElementsOf(state.tensors().keySet());
      state.tensors().forEach((name, tensor) ->
          assertThat(back.tensors().get(name).floats()).as(name).isEqualTo(tensor.floats()));
    }
  }

  /** A checkpoint is written from where the values are: no copy of them is made. */
  @Test
  void aStateDictShowsTheParametersThemselves() {
    try (Parameters parameters = tiny()) {
      parameters.initialise(1);
      StateDict state = parameters.stateDict();
      assertThat(state.tensors().values()).allMatch(t -> t.data().isDirect() && t.data().isReadOnly());
      parameters.load(weights(), true);
      assertThat(state.tensors().get("encoder_proj.bias").floats())
          .isEqualTo(weights().tensors().get("encoder_proj.bias").floats());
    }
  }

  @Test
  void aCheckpointThatDoesNotFitIsRefusedWithItsKeys() {
    try (Parameters parameters = tiny()) {
      StateDict missing = weights();
      missing.tensors().remove("encoder_proj.bias");
      assertThatThrownBy(() -> parameters.load(missing, true))
          .isInstanceOfSatisfying(StageFailure.class, e -> assertThat(e.reason()).isEqualTo("CheckpointMismatch"))
          .hasMessageContaining("missing (1): encoder_proj.bias");
      parameters.load(missing, false);

      StateDict extra = weights();
      extra.tensors().put("decoder.rand_noise", extra.tensors().get("encoder_proj.bias"));
      assertThatThrownBy(() -> parameters.load(extra, true)).hasMessageContaining("unknown (1): decoder.rand_noise");

      StateDict shape = weights();
      shape.tensors().put("encoder_proj.bias", StateDict.Tensor.of(new float[3], 3));
      assertThatThrownBy(() -> parameters.load(shape, true))
          .hasMessageContaining("other shape (1): encoder_proj.bias [3]");
      parameters.load(weights(), true);
      parameters.load(shape, false);
      assertThat(parameters.get("encoder_proj.bias").toFloatArray()).as("left as it was")
          .isEqualTo(weights().tensors().get("encoder_proj.bias").floats());

      assertThatThrownBy(() -> parameters.load(new StateDict(new LinkedHashMap<>()), false))
          .hasMessageContaining("missing");
    }
  }

  private static StateDict weights() {
    return new StateDict(new LinkedHashMap<>(Fixtures.npz("tiny/weights.npz")));
  }

  private static double mean(float[] x) {
    double sum = 0;
    for (float v : x) {
      sum += v;
    }
    return sum / x.length;
  }

  private static float[] squares(float[] x) {
    float[] y = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = x[i] * x[i];
    }
    return y;
  }
}
