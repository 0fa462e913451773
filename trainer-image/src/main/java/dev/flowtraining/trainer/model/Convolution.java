package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** A convolution over time with zeros around it: (B,T,C) → (B, T+before+after−k+1, out). */
record Convolution(NDArray weight, NDArray bias) {

  static Convolution of(Parameters parameters, String name) {
    return new Convolution(parameters.get(name + ".weight"), parameters.get(name + ".bias"));
  }

  NDArray apply(NDArray x_BTC, int before, int after) {
    NDArray padded_BCT = Operators.pad(x_BTC.transpose(0, 2, 1), 2, before, after);
    return Operators.conv1d(padded_BCT, weight, bias).transpose(0, 2, 1);
  }

  /** Each frame sees itself and the k−1 frames before. */
  NDArray causal(NDArray x_BTC) {
    return apply(x_BTC, (int) weight.getShape().get(2) - 1, 0);
  }
}
