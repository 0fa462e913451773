package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Activation;

/** Normalises rows as long as its weight, several of which may lie side by side in the last axis. */
record LayerNorm(NDArray weight, NDArray bias, double eps) {

  static LayerNorm of(Weights weights, String name, double eps) {
    return new LayerNorm(weights.get(name + ".weight"), weights.get(name + ".bias"), eps);
  }

  NDArray apply(Pass pass, NDArray x) {
    return apply(pass, x, Activation.NONE);
  }

  NDArray apply(Pass pass, NDArray x, Activation activation) {
    return pass.functions().norm(pass.manager(), x, weight, bias, eps, activation);
  }
}
