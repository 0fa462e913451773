package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Tensors;
import java.nio.FloatBuffer;

/**
 * Sinusoids of relative positions (ESPnet, github.com/espnet/espnet/pull/2816): row m of P = 2T stands for the
 * distance p = T−1−m; channel 2i holds sin(p·w), channel 2i+1 cos(p·w), w = 10000^(−2i/C).
 * The last row is there only to make P even, without which a GPU multiplies at a fraction of its speed.
 */
final class RelativePositions {
  private final int channels;
  private final NDManager manager;
  private final Weights weights;
  private int longest;
  private NDArray table;

  RelativePositions(Weights weights, int channels) {
    this.weights = weights;
    this.channels = channels;
    manager = weights.newManager();
  }

  /** (P,C) for T steps: the middle of a table for the longest T so far. */
  NDArray of(NDManager pass, int steps) {
    reserve(steps);
    return Operators.narrow(Tensors.alias(pass, table), 0, longest - steps, 2L * steps);
  }

  void reserve(int steps) {
    if (steps > longest) {
      grow(Math.max(steps, 2 * longest));
    }
  }

  private void grow(int steps) {
    // the table before stays: the backward pass of this very forward pass may still read it, and sizes double
    longest = steps;
    float[] values = new float[2 * steps * channels];
    for (int i = 0; i < channels; i += 2) {
      // in float32 as upstream, whose rounding of p·w is seen at long distances
      float w = (float) Math.exp(i * (float) -(Math.log(10000) / channels));
      for (int m = 0; m < 2 * steps; m++) {
        float angle = (steps - 1 - m) * w;
        values[m * channels + i] = (float) Math.sin(angle);
        values[m * channels + i + 1] = (float) Math.cos(angle);
      }
    }
    table = weights.as(manager.create(FloatBuffer.wrap(values), new Shape(2L * steps, channels)));
  }
}
