package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/** {@link Functions} composed of operators, whose gradients are libtorch's: the reference, on any device. */
public final class Autograd implements Functions {
  private final Functions aroundOrNull;

  public Autograd() {
    this(null);
  }

  /** @param aroundOrNull of whose backward pass this is a part */
  Autograd(Functions aroundOrNull) {
    this.aroundOrNull = aroundOrNull;
  }

  @Override
  public NDArray linear(NDManager manager, NDArray x_BFC, NDArray weight, NDArray biasOrNull) {
    return Operators.linear(Tensors.alias(manager, x_BFC), weight, biasOrNull);
  }

  @Override
  public GatedNorm gatedNorm(NDManager manager, NDArray x_BFC, NDArray yOrNull_BFC, Vectors gateOrNull, Vectors shift,
      Vectors scale, double eps) {
    NDArray x = Tensors.alias(manager, x_BFC);
    NDArray sum = yOrNull_BFC == null ? x
        : Tensors.alias(manager, yOrNull_BFC).mul(view(manager, gateOrNull, x)).addi(x);
    NDArray normed = Operators.norm(sum, eps).mul(view(manager, scale, x).add(Operators.number(1)))
        .addi(view(manager, shift, x));
    return new GatedNorm(sum, normed);
  }

  private static NDArray view(NDManager manager, Vectors vectors, NDArray x) {
    return new Vectors(Tensors.alias(manager, vectors.all_B1N()), vectors.index())
        .view(x.getShape().get(x.getShape().dimension() - 1));
  }

  @Override
  public NDArray norm(
      NDManager manager, NDArray x_BFC, NDArray weight, NDArray bias, double eps, Activation activation) {
    NDArray x = Tensors.alias(manager, x_BFC);
    NDArray normed = x.getShape().get(2) == weight.size() ? Operators.layerNorm(x, weight, bias, eps)
        : Operators.layerNorm(x.reshape(x.getShape().get(0), x.getShape().get(1), -1, weight.size()), weight, bias, eps)
            .reshape(x.getShape());
    return activate(manager, normed, activation);
  }

  @Override
  public NDArray activate(NDManager manager, NDArray x_BFC, Activation activation) {
    NDArray x = Tensors.alias(manager, x_BFC);
    return switch (activation) {
      case NONE -> x;
      case MISH -> Operators.mish(x);
      case GELU_TANH -> Operators.geluTanh(x);
      case SILU -> Operators.silu(x);
    };
  }

  @Override
  public NDArray causalConvolution(NDManager manager, NDArray x_BFC, NDArray weight_OCK, NDArray bias) {
    long k = weight_OCK.getShape().get(2);
    return Operators.convolution(Tensors.alias(manager, x_BFC), weight_OCK, bias, k - 1, 0);
  }

  @Override
  public NDArray attention(NDManager manager, NDArray q_BFC, NDArray k_BFC, NDArray v_BFC, long heads,
      NDArray mask_B11FOrNull) {
    return Functions.attention(Tensors.alias(manager, q_BFC), Tensors.alias(manager, k_BFC),
        Tensors.alias(manager, v_BFC), heads, mask_B11FOrNull);
  }

  @Override
  public NDArray enter(NDManager manager, NDArray x) {
    return x;
  }

  @Override
  public NDArray leave(NDManager manager, NDArray x) {
    return x;
  }

  /** What leads to the seam and what follows it are gone through one after the other. */
  @Override
  public NDArray seam(NDManager manager, NDArray x, String name) {
    if (aroundOrNull == null) {
      return x;
    }
    NDArray entered = aroundOrNull.enter(manager, x);
    return aroundOrNull.leave(manager, aroundOrNull.seam(manager, entered, name));
  }

  @Override
  public Functions composed() {
    return this;
  }

  @Override
  public void backward() {}
}
