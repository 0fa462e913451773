package dev.flowtraining.trainer.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OperatorsTest {
  private NDManager m;

  @BeforeEach
  void open() {
    Device device = Torch.start("cpu", 1);
    Torch.seed(1);
    m = NDManager.newBaseManager(device, "PyTorch");
  }

  @AfterEach
  void close() {
    m.close();
  }

  @Test
  void geluTanhIsItsFormulaAndHasItsDerivative() {
    NDArray x = m.create(new float[] {-4, -1, -0.3f, 0, 0.3f, 1, 4});
    x.setRequiresGradient(true);
    float[] y;
    try (var _ = Backward.recording(true)) {
      NDArray result = Operators.geluTanh(x);
      y = result.toFloatArray();
      Backward.run(result.sum());
    }
    float[] gradient = x.getGradient().toFloatArray();
    for (int i = 0; i < y.length; i++) {
      double at = x.getFloat(i);
      assertThat((double) y[i]).isCloseTo(gelu(at), within(1e-6));
      assertThat((double) gradient[i]).isCloseTo((gelu(at + 1e-5) - gelu(at - 1e-5)) / 2e-5, within(1e-5));
    }
  }

  private static double gelu(double x) {
    return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
  }

  @Test
  void attentionIsMaskedSoftmaxOfProducts() {
    NDArray q = m.randomNormal(new Shape(2, 2, 3, 4));
    NDArray k = m.randomNormal(new Shape(2, 2, 5, 4));
    NDArray v = m.randomNormal(new Shape(2, 2, 5, 4));
    boolean[] valid = {true, true, true, true, true, true, true, false, false, false};
    NDArray mask = m.create(valid, new Shape(2, 1, 1, 5));
    NDArray hidden = m.create(new float[] {0, 0, 0, 0, 0, 0, 0, -1e9f, -1e9f, -1e9f}, new Shape(2, 1, 1, 5));

    NDArray expected = q.matMul(k.transpose(0, 1, 3, 2)).div(2).add(hidden).softmax(-1).matMul(v);

    assertThat(Operators.attention(q, k, v, mask).sub(expected).abs().max().getFloat()).isLessThan(1e-5f);
  }

  @Test
  void padAndNarrowTakeTheAxisTheyAreGiven() {
    NDArray x = m.arange(6f).reshape(1, 2, 3);
    assertThat(Operators.pad(x, 1, 1, 2).getShape()).isEqualTo(new Shape(1, 5, 3));
    assertThat(Operators.pad(x, 2, 2, 0).toFloatArray()).containsExactly(0, 0, 0, 1, 2, 0, 0, 3, 4, 5);
    assertThat(Operators.narrow(x, 2, 1, 2).toFloatArray()).containsExactly(1, 2, 4, 5);
  }

  @Test
  void aRefusedOperatorIsAnErrorThatNamesItAndItsShapes() {
    NDArray q = m.zeros(new Shape(1, 1, 2, 4));
    NDArray k = m.zeros(new Shape(1, 1, 2, 3));
    assertThatThrownBy(() -> Operators.attention(q, k, k, null))
        .isInstanceOf(OperatorFailure.class)
        .hasMessageContaining("scaled_dot_product_attention").hasMessageContaining("(1, 1, 2, 4)");
  }

  @Test
  void gradientsLandInTheSharedBufferBackwardAfterBackward() {
    NDArray flat = m.create(new float[] {1, 2, 3, 4});
    NDArray gradient = m.zeros(new Shape(4));
    NDArray weight = Tensors.detach(Operators.narrow(flat, 0, 1, 2));
    weight.setRequiresGradient(true);
    GradientBuffer.share(weight, Operators.narrow(gradient, 0, 1, 2));

    for (int pass = 1; pass <= 3; pass++) {
      try (var _ = Backward.recording(true)) {
        Backward.run(weight.square().sum());
      }
      assertThat(gradient.toFloatArray()).containsExactly(0, 4 * pass, 6 * pass, 0);
    }
    Tensors.zero(gradient);
    assertThat(weight.getGradient().toFloatArray()).containsExactly(0, 0);
    Tensors.copy(flat, m.create(new float[] {0, 10, 20, 0}));
    try (var _ = Backward.recording(true)) {
      Backward.run(weight.square().sum());
    }
    assertThat(gradient.toFloatArray()).containsExactly(0, 20, 40, 0);
  }

  @Test
  void aDeviceThatIsNotThereIsRefusedWithAdvice() {
    assertThatThrownBy(() -> Torch.start("tpu", 1)).hasMessageContaining("not one of auto, cpu, cuda");
    assertThatThrownBy(() -> Torch.start("cuda:99", 1)).hasMessageContaining("no CUDA device 99");
  }
}
