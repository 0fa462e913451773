package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * Chains of row operators and their gradients, nothing of it under autograd. {@link ComposedChains} has the formulas as
 * operators, on any device; {@link KernelChains} has each as one kernel. Gradients of parameters
 * are added where they belong, and null where it is frozen; those of {@link Vectors} are written.
 */
interface Chains {

  /** @param stats_R2 mean and 1/deviation of each row */
  record GatedNormed(NDArray sum, NDArray normed, NDArray stats_R2) {}

  record Normed(NDArray y, NDArray stats_R2) {}

  /** @param dy null where there is no y */
  record GatedNormGradients(NDArray dx, NDArray dy) {}

  /** {@link Functions#gatedNorm}. */
  GatedNormed gatedNorm(
      NDManager manager, NDArray x, NDArray yOrNull, Vectors gateOrNull, Vectors shift, Vectors scale, double eps);

  /**
   * With h = (sum−mean)/deviation, a = d·(1+scale): dx = d' + (a − mean(a) − h·mean(a·h))/deviation, dy = gate·dx;
   * gate: Σ dx·y, shift: Σ d, scale: Σ d·h over the frames of an utterance.
   *
   * @param d gradient of normed
   * @param dSumOrNull gradient of sum
   */
  GatedNormGradients gatedNormBackward(NDManager manager, NDArray d, NDArray dSumOrNull, NDArray sum, NDArray stats_R2,
      NDArray yOrNull, Vectors gateOrNull, Vectors scale, Vectors dGateOrNull, Vectors dShift, Vectors dScale);

  /** {@link Functions#norm}. */
  Normed norm(NDManager manager, NDArray x, NDArray weight, NDArray bias, double eps, Activation activation);

  /** With u = h·weight + bias and e = d·act'(u): weight: Σ e·h, bias: Σ e, dx as in the gated norm with a = e·weight. */
  NDArray normBackward(NDManager manager, NDArray d, NDArray x, NDArray stats_R2, NDArray weight, NDArray bias,
      Activation activation, NDArray dWeightOrNull, NDArray dBiasOrNull);

  NDArray activate(NDManager manager, NDArray x, Activation activation);

  /** d·act'(x). */
  NDArray activateBackward(NDManager manager, NDArray d, NDArray x, Activation activation);

  /** The sum of the rows of an array (…,C), the gradient of a bias. */
  void columnSums(NDArray d, NDArray dBias);

  /** Windows of K frames that end at each frame, (B,F,C·K): the windows of a channel lie side by side. */
  NDArray windows(NDManager manager, NDArray x_BFC, int kernel);

  /** Adds up what the windows say of each frame. */
  NDArray windowsBackward(NDManager manager, NDArray d_BFN, int kernel);
}
