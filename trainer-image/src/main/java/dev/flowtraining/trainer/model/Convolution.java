package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** A convolution over time with zeros around it: (B,T,C) → (B, T+before+after−k+1, out). */
record Convolution(NDArray weight_OCK, NDArray bias) {

  static Convolution of(Weights weights, String name) {
    return new Convolution(weights.get(name + ".weight"), weights.get(name + ".bias"));
  }

  NDArray apply(NDArray x_BTC, int before, int after) {
    return Operators.convolution(x_BTC, weight_OCK, bias, before, after);
  }

  /** Each frame sees itself and the k−1 frames before. */
  NDArray causal(Pass pass, NDArray x_BTC) {
    return pass.functions().causalConvolution(pass.manager(), x_BTC, weight_OCK, bias);
  }
}
