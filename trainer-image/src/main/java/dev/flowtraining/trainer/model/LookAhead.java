package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** Mixes a few future tokens in: convolution to the right, LeakyReLU, causal convolution, residual. */
record LookAhead(Convolution ahead, Convolution back, int length) {

  static LookAhead of(Weights w, String at, int length) {
    return new LookAhead(Convolution.of(w, at + "conv1"), Convolution.of(w, at + "conv2"), length);
  }

  NDArray apply(Pass pass, NDArray x_BTC) {
    return back.causal(pass, Operators.leakyRelu(ahead.apply(x_BTC, 0, length), 0.01)).add(x_BTC);
  }
}
