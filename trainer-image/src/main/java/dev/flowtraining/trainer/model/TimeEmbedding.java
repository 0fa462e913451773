package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** t → {@code [cos(1000·t·f_i), sin(1000·t·f_i)]}, f_i = 10000^(−i/128), then Linear, SiLU, Linear; in float32. */
record TimeEmbedding(Linear first, Linear second) {
  private static final int HALF = FlowModelParameters.TIME_CHANNELS / 2;

  static TimeEmbedding of(Weights w, String at) {
    return new TimeEmbedding(Linear.of(w, at + "mlp.0"), Linear.of(w, at + "mlp.2"));
  }

  /** (B,C) from the {@link #waves} of B times. */
  NDArray apply(Pass pass, NDArray wave_BW) {
    return second.apply(pass, Operators.silu(first.apply(pass, wave_BW)));
  }

  /** Row-major (B, {@link FlowModelParameters#TIME_CHANNELS}). */
  static float[] waves(float[] t) {
    float[] values = new float[t.length * 2 * HALF];
    for (int i = 0; i < HALF; i++) {
      float f = (float) Math.exp((float) (-Math.log(10000) * i) / HALF);
      for (int b = 0; b < t.length; b++) {
        float angle = t[b] * 1000 * f;
        values[b * 2 * HALF + i] = (float) Math.cos(angle);
        values[b * 2 * HALF + HALF + i] = (float) Math.sin(angle);
      }
    }
    return values;
  }
}
