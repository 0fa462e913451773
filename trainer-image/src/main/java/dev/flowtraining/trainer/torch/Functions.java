package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.function.Function;

/**
 * What a network is made of, for arrays (B,F,C) of B utterances and F frames. {@link Autograd} composes operators and is
 * the reference; {@link Taped} computes the same with fewer passes over memory and its own gradients. Results join the
 * manager that is given.
 */
public interface Functions {

  /**
   * A sum and what its norm became.
   *
   * @param sum_BFC x + gate·y
   * @param normed_BFC norm(sum)·(1 + scale) + shift
   */
  record GatedNorm(NDArray sum_BFC, NDArray normed_BFC) {}

  /** {@code x·Wᵀ + b}. */
  NDArray linear(NDManager manager, NDArray x_BFC, NDArray weight, NDArray biasOrNull);

  /** The residual x + gate·y, normalised without weights, scaled and shifted; without y the residual is x. */
  GatedNorm gatedNorm(NDManager manager, NDArray x_BFC, NDArray yOrNull_BFC, Vectors gateOrNull, Vectors shift,
      Vectors scale, double eps);

  /** Normalises rows as long as the weight, of which x may have several side by side, and activates the result. */
  NDArray norm(
      NDManager manager, NDArray x_BFC, NDArray weight, NDArray bias, double eps, Activation activation);

  NDArray activate(NDManager manager, NDArray x_BFC, Activation activation);

  /** A convolution in which each frame sees itself and the K−1 frames before. */
  NDArray causalConvolution(NDManager manager, NDArray x_BFC, NDArray weight_OCK, NDArray bias);

  /** Softmax attention of heads that lie side by side; the mask has 0 for keys that are seen and −∞ for others. */
  NDArray attention(NDManager manager, NDArray q_BFC, NDArray k_BFC, NDArray v_BFC, long heads,
      NDArray mask_B11FOrNull);

  /** What autograd has recorded so far ends here; later functions compute their own gradients. */
  NDArray enter(NDManager manager, NDArray x);

  /** The reverse of {@link #enter}: what is computed from the result is autograd's again. */
  NDArray leave(NDManager manager, NDArray x);

  /**
   * A place that the backward pass tells of when it is back there: the gradients of whatever is used after it only are
   * final then.
   */
  NDArray seam(NDManager manager, NDArray x, String name);

  /** The same network composed of operators, for parts whose gradients are autograd's. */
  Functions composed();

  /** Goes on with the backward pass where autograd's, which came first, ends. */
  void backward();

  /** Attention composed of operators, on views of the arrays. */
  static NDArray attention(NDArray q_BFC, NDArray k_BFC, NDArray v_BFC, long heads, NDArray mask_B11FOrNull) {
    long b = q_BFC.getShape().get(0);
    long f = q_BFC.getShape().get(1);
    Function<NDArray, NDArray> split = x -> x.reshape(b, f, heads, -1).transpose(0, 2, 1, 3);
    return Operators.attention(split.apply(q_BFC), split.apply(k_BFC), split.apply(v_BFC), mask_B11FOrNull)
        .transpose(0, 2, 1, 3).reshape(b, f, -1);
  }
}
