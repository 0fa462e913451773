package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;

/** An affine map of the last axis. */
record Linear(NDArray weight, NDArray biasOrNull) {

  static Linear of(Weights weights, String name) {
    String bias = name + ".bias";
    return new Linear(weights.get(name + ".weight"), weights.has(bias) ? weights.get(bias) : null);
  }

  NDArray apply(Pass pass, NDArray x) {
    return pass.functions().linear(pass.manager(), x, weight, biasOrNull);
  }
}
