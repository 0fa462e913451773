package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Tensors;
import dev.flowtraining.trainer.torch.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import org.junit.jupiter.api.Test;

class AdamTest {
  private static final FlowConfig.Optim OPTIM = new FlowConfig.Optim(1e-3, List.of(0.9, 0.999), 1e-8, 0.01);

  private static Parameters parameters(int threads) {
    try {
      ModelConfig config =
          new ObjectMapper().treeToValue(Fixtures.json("tiny/config.json").get("model"), ModelConfig.class);
      Parameters parameters = Parameters.create(config, Torch.start("cpu", threads));
      parameters.initialise(3);
      return parameters;
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void setGradient(Parameters parameters, int step) {
    for (long i = 0; i < parameters.size(); i++) {
      parameters.gradData().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i + 1000.0 * step));
    }
  }

  @Test
  void aRunThatIsTakenUpEndsWhereTheUnbrokenOneEnds() {
    // an Adam takes the number of threads of the moment
    try (Parameters unbroken = parameters(1); Adam adam = new Adam(Share.whole(unbroken), OPTIM, true);
        Parameters first = parameters(3); Adam before = new Adam(Share.whole(first), OPTIM, true);
        Parameters second = parameters(1); Adam after = new Adam(Share.whole(second), OPTIM, true)) {
      for (int step = 0; step < 4; step++) {
        setGradient(unbroken, step);
        adam.step(1e-3, 0.5);
      }
      for (int step = 0; step < 2; step++) {
        setGradient(first, step);
        before.step(1e-3, 0.5);
      }
      second.load(first.stateDict(), true);
      after.load(before.state(Replicated.alone(first), Arena.ofAuto()));
      for (int step = 2; step < 4; step++) {
        setGradient(second, step);
        after.step(1e-3, 0.5);
      }
      assertThat(after.steps()).isEqualTo(4);
      assertThat(second.stateDict().tensors().get("encoder_proj.weight").floats())
          .isEqualTo(unbroken.stateDict().tensors().get("encoder_proj.weight").floats());
    }
  }

  @Test
  void aStateOfAnotherModelIsRefused() {
    try (Parameters parameters = parameters(1); Adam adam = new Adam(Share.whole(parameters), OPTIM, false)) {
      assertThatThrownBy(() -> adam.load(new StateDict(new LinkedHashMap<>())))
          .hasMessageContaining("exp_avg.input_embedding");
    }
  }

  @Test
  void theNormIsExactAndDoesNotDependOnThreads() {
    double one;
    try (Parameters parameters = parameters(1)) {
      setGradient(parameters, 0);
      one = GradientNorm.l2(parameters);
      double sum = 0;
      for (float g : parameters.grad().toFloatArray()) {
        sum += (double) g * g;
      }
      assertThat(one).isCloseTo(Math.sqrt(sum), within(1e-9 * one));
    }
    try (Parameters parameters = parameters(2)) {
      setGradient(parameters, 0);
      assertThat(GradientNorm.l2(parameters)).isEqualTo(one);
      parameters.gradData().setAtIndex(ValueLayout.JAVA_FLOAT, parameters.size() - 1, Float.NaN);
      assertThat(GradientNorm.l2(parameters)).isNaN();
      parameters.zeroGrad();
      assertThat(GradientNorm.l2(parameters)).isZero();
      Tensors.copy(parameters.grad(),
          parameters.grad().getManager().full(new Shape(parameters.size()), 1e30f));
      assertThat(GradientNorm.l2(parameters)).as("squares beyond float32").isFinite();
    }
  }
}
