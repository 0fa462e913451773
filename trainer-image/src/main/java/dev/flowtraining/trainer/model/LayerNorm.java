package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Operators;

/** Normalises the last axis. */
record LayerNorm(NDArray weight, NDArray bias, double eps) {

  static LayerNorm of(Parameters parameters, String name, double eps) {
    return new LayerNorm(parameters.get(name + ".weight"), parameters.get(name + ".bias"), eps);
  }

  /** Without weights of its own: DJL's call wants some, so they are constants. */
  static LayerNorm plain(NDManager manager, int channels, double eps) {
    return new LayerNorm(manager.ones(new Shape(channels)), manager.zeros(new Shape(channels)), eps);
  }

  NDArray apply(NDArray x) {
    return Operators.layerNorm(x, weight, bias, eps);
  }
}
