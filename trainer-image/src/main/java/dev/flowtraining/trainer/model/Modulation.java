package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** adaLN: shifts, scales and gates as one linear map of SiLU(c), cut into vectors (B,1,C). */
record Modulation(NDArray vectors_B1N, long channels) {

  NDArray vector(int index) {
    return Operators.narrow(vectors_B1N, 2, index * channels, channels);
  }

  /** {@code x·(1+scale) + shift}. */
  static NDArray modulate(NDArray x_BFC, NDArray shift_B1C, NDArray scale_B1C) {
    return x_BFC.mul(scale_B1C.add(Operators.number(1))).addi(shift_B1C);
  }

  /** {@code x + gate·y}. */
  static NDArray gated(NDArray x_BFC, NDArray gate_B1C, NDArray y_BFC) {
    return y_BFC.mul(gate_B1C).addi(x_BFC);
  }
}
