package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Vectors;

/** adaLN: shifts, scales and gates as one linear map of SiLU(c), vectors side by side. */
record Modulation(NDArray vectors_B1N) {

  static Modulation of(Pass pass, Linear map, NDArray time_B1C) {
    return new Modulation(map.apply(pass, time_B1C));
  }

  Vectors vector(int index) {
    return new Vectors(vectors_B1N, index);
  }
}
