package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * Which steps of a batch are padding. {@code scale} counts steps per token: 1 for tokens, 2 for mel frames.
 *
 * @param lengths valid tokens
 * @param longest T
 */
record Padding(int[] lengths, int longest) {

  boolean any() {
    return Arrays.stream(lengths).anyMatch(n -> n < longest);
  }

  /** 1 for valid steps, 0 for padded ones. */
  NDArray valid_BT1(NDManager manager, int scale) {
    return fill(manager, scale, 1, 0, new Shape(lengths.length, (long) longest * scale, 1));
  }

  /** To add to attention scores: 0 for valid keys, −∞ for padded ones; null when nothing is padded. */
  NDArray keys_1B1T(NDManager manager, int scale) {
    return any()
        ? fill(manager, scale, 0, Float.NEGATIVE_INFINITY, new Shape(1, lengths.length, 1, (long) longest * scale))
        : null;
  }

  private NDArray fill(NDManager manager, int scale, float valid, float padded, Shape shape) {
    int steps = longest * scale;
    float[] values = new float[lengths.length * steps];
    Arrays.fill(values, padded);
    for (int i = 0; i < lengths.length; i++) {
      Arrays.fill(values, i * steps, i * steps + lengths[i] * scale, valid);
    }
    return manager.create(FloatBuffer.wrap(values), shape);
  }
}
