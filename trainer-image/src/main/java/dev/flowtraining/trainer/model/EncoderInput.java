package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** Linear, LayerNorm, dropout, ×√C, dropout. Bias and norm make rows of zeros non-zero, padded ones too. */
record EncoderInput(Linear linear, LayerNorm norm) {

  static EncoderInput of(Weights w, String at) {
    return new EncoderInput(Linear.of(w, at + "out.0"), LayerNorm.of(w, at + "out.1", 1e-5));
  }

  NDArray apply(Pass pass, NDArray x_BTC) {
    NDArray normed = pass.drop(norm.apply(pass, linear.apply(pass, x_BTC)));
    return pass.drop(Operators.scale(normed, Math.sqrt(normed.getShape().get(2))));
  }
}
