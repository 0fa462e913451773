package dev.flowtraining.trainer.tokens;

import java.util.Arrays;

/**
 * FunASR's sinusoidal positions: row p, from 1, is [sin(p/s_i), cos(p/s_i)], s_i = 10000^(i/(inputs/2 − 1)). The rows
 * are kept, as many as the longest recording had, since every recording needs the same. Thread-safe.
 */
final class SanmPositions {
  private final int inputs;
  private volatile float[] rows = new float[0];

  /** @param inputs numbers of a row, even */
  SanmPositions(int inputs) {
    this.inputs = inputs;
  }

  /** Scales rows by √outputs and adds the positions, in place. */
  float[] addTo(float[] x, int outputs) {
    float[] positions = atLeast(x.length);
    float scale = (float) Math.sqrt(outputs);
    for (int i = 0; i < x.length; i++) {
      x[i] = x[i] * scale + positions[i];
    }
    return x;
  }

  private float[] atLeast(int length) {
    float[] known = rows;
    if (known.length >= length) {
      return known;
    }
    float[] more = Arrays.copyOf(known, length);
    int half = inputs / 2;
    for (int i = 0; i < half; i++) {
      double frequency = Math.pow(10_000, -i / (half - 1.0));
      for (int r = known.length / inputs; r < length / inputs; r++) {
        more[r * inputs + i] = (float) Math.sin((r + 1) * frequency);
        more[r * inputs + half + i] = (float) Math.cos((r + 1) * frequency);
      }
    }
    rows = more;
    return more;
  }
}
