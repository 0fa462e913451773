package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Operators;
import java.nio.FloatBuffer;

/** t → {@code [cos(1000·t·f_i), sin(1000·t·f_i)]}, f_i = 10000^(−i/128), then Linear, SiLU, Linear; in float32. */
record TimeEmbedding(Linear first, Linear second) {
  private static final int HALF = FlowModelParameters.TIME_CHANNELS / 2;

  static TimeEmbedding of(Parameters p, String at) {
    return new TimeEmbedding(Linear.of(p, at + "mlp.0"), Linear.of(p, at + "mlp.2"));
  }

  /** (B,C) from B times. */
  NDArray apply(NDManager manager, float[] t) {
    float[] values = new float[t.length * 2 * HALF];
    for (int i = 0; i < HALF; i++) {
      float f = (float) Math.exp((float) (-Math.log(10000) * i) / HALF);
      for (int b = 0; b < t.length; b++) {
        float angle = t[b] * 1000 * f;
        values[b * 2 * HALF + i] = (float) Math.cos(angle);
        values[b * 2 * HALF + HALF + i] = (float) Math.sin(angle);
      }
    }
    NDArray waves = manager.create(FloatBuffer.wrap(values), new Shape(t.length, 2L * HALF));
    return second.apply(Operators.silu(first.apply(waves)));
  }
}
