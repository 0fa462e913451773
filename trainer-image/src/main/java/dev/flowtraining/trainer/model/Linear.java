package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** An affine map of the last axis. */
record Linear(NDArray weight, NDArray biasOrNull) {

  static Linear of(Weights weights, String name) {
    String bias = name + ".bias";
    return new Linear(weights.get(name + ".weight"), weights.has(bias) ? weights.get(bias) : null);
  }

  NDArray apply(NDArray x) {
    return Operators.linear(x, weight, biasOrNull);
  }
}
