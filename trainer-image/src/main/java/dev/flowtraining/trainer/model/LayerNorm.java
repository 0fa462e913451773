package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Operators;

/** Normalises the last axis. */
record LayerNorm(NDArray weight, NDArray bias, double eps) {

  static LayerNorm of(Weights weights, String name, double eps) {
    return new LayerNorm(weights.get(name + ".weight"), weights.get(name + ".bias"), eps);
  }

  /** Without weights of its own: DJL's call wants some, so they are constants. */
  static LayerNorm plain(Weights weights, int channels, double eps) {
    NDManager manager = weights.newManager();
    return new LayerNorm(weights.as(manager.ones(new Shape(channels))), weights.as(manager.zeros(new Shape(channels))),
        eps);
  }

  NDArray apply(NDArray x) {
    return Operators.layerNorm(x, weight, bias, eps);
  }
}
