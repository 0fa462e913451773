package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Operators;
import java.nio.FloatBuffer;

/**
 * Sinusoids of relative positions (ESPnet, github.com/espnet/espnet/pull/2816): row m of P = 2T−1 stands for the
 * distance p = T−1−m; channel 2i holds sin(p·w), channel 2i+1 cos(p·w), w = 10000^(−2i/C).
 */
final class RelativePositions {
  private final int channels;
  private final NDManager manager;
  private int longest;
  private NDArray table;

  RelativePositions(NDManager manager, int channels) {
    this.manager = manager;
    this.channels = channels;
  }

  /** (P,C) for T steps: the middle of a table for the longest T so far. */
  NDArray of(NDManager pass, int steps) {
    if (steps > longest) {
      grow(Math.max(steps, 2 * longest));
    }
    return Operators.narrow(Operators.alias(pass, table), 0, longest - steps, 2L * steps - 1);
  }

  private void grow(int steps) {
    // the table before stays: the backward pass of this very forward pass may still read it, and sizes double
    longest = steps;
    float[] values = new float[(2 * steps - 1) * channels];
    for (int i = 0; i < channels; i += 2) {
      // in float32 as upstream, whose rounding of p·w is seen at long distances
      float w = (float) Math.exp(i * (float) -(Math.log(10000) / channels));
      for (int m = 0; m < 2 * steps - 1; m++) {
        float angle = (steps - 1 - m) * w;
        values[m * channels + i] = (float) Math.sin(angle);
        values[m * channels + i + 1] = (float) Math.cos(angle);
      }
    }
    table = manager.create(FloatBuffer.wrap(values), new Shape(2L * steps - 1, channels));
  }
}
