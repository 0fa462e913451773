package dev.flowtraining.trainer.tokens;

import java.util.Arrays;

/** What the released tokenizers do to 16 kHz audio first. */
final class TokenizerInput {
  private static final int FRAME = 512;
  private static final int HOP = 128;
  private static final double RANGE = 20; // dB
  private static final double LEAST = 1e-10; // mean square: below it all is equally silent
  private static final int LEAD = 800;
  private static final int STEP = 240;
  private static final int TAIL = 4320;

  private TokenizerInput() {}

  /** {@code x / max(peak, 0.01) · 0.999}. */
  static float[] energyNorm(float[] samples) {
    float peak = 0.01f;
    for (float s : samples) {
      peak = Math.max(peak, Math.abs(s));
    }
    float[] out = new float[samples.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = samples[i] / peak * 0.999f;
    }
    return out;
  }

  /**
   * Cuts what is silent at both ends: from the first to the last frame (512 samples every 128, centred, zeros around)
   * that is louder than the loudest − 20 dB. The result starts 50 ms earlier and has ⌈kept/240⌉·240 + 4320 samples,
   * with zeros where the recording has none.
   */
  static float[] trim(float[] samples) {
    int frames = 1 + samples.length / HOP;
    double[] power = new double[frames];
    for (int f = 0; f < frames; f++) {
      for (int i = Math.max(0, f * HOP - FRAME / 2); i < Math.min(samples.length, f * HOP + FRAME / 2); i++) {
        power[f] += (double) samples[i] * samples[i];
      }
      power[f] = Math.max(LEAST, power[f] / FRAME);
    }
    double least = Arrays.stream(power).max().orElseThrow() * Math.pow(10, -RANGE / 10);
    int first = 0;
    while (power[first] <= least) {
      first++;
    }
    int last = frames - 1;
    while (power[last] <= least) {
      last--;
    }
    int from = Math.min(samples.length, first * HOP);
    int to = Math.min(samples.length, (last + 1) * HOP);
    float[] out = new float[(to - from + STEP - 1) / STEP * STEP + TAIL];
    int before = Math.max(0, LEAD - from);
    int start = Math.max(0, from - LEAD);
    System.arraycopy(samples, start, out, before, Math.min(samples.length - start, out.length - before));
    return out;
  }
}
