package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;
import java.util.ArrayList;
import java.util.List;

/**
 * The straight path of conditional flow matching (arXiv 2210.02747): at time t in [0,1] it is at
 * {@code y = (1−(1−σ)t)·z + t·x₁} and its velocity is {@code u = x₁ − (1−σ)·z}.
 *
 * @param sigma σ, the noise that is left at the end
 */
record FlowMatching(double sigma) {

  /** Where the path is and how it moves. */
  record Point(NDArray y_BFM, NDArray velocity_BFM) {}

  /** @param noiseShare_B11 {@code 1−(1−σ)t} */
  Point between(NDArray z_BFM, NDArray x1_BFM, NDArray t_B11, NDArray noiseShare_B11) {
    return new Point(
        z_BFM.mul(noiseShare_B11).addi(x1_BFM.mul(t_B11)), x1_BFM.sub(Operators.scale(z_BFM, 1 - sigma)));
  }

  /** One Euler step: from t on, this far. */
  record Step(float t, float length) {}

  /** The grid {@code t_k = 1−cos(πk/2n)}. t is accumulated in float32 and each step aims at the next grid point. */
  static List<Step> eulerSteps(int n) {
    List<Step> steps = new ArrayList<>();
    float t = 0;
    for (int k = 1; k <= n; k++) {
      float next = 1 - (float) Math.cos((float) k / n * (float) (0.5 * Math.PI));
      steps.add(new Step(t, next - t));
      t += next - t;
    }
    return steps;
  }
}
