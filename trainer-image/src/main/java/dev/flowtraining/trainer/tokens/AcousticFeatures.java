package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.audio.Fbank;
import java.util.Arrays;

/**
 * What the built-in tokenizer quantises. The audio is cut into slots of 10 ms; a slot's filter bank frame is centred on
 * it. Log energies are floored, the utterance's mean per bin is subtracted (which takes out most of speaker and
 * channel), then come orthonormal cosine coefficients over the bins.
 *
 * <ul>
 *   <li>vq02, 60 ms: coefficients 0…12 of the first and of the second half, 26 numbers: broad shape and its movement;
 *   <li>vq06, 40 ms: coefficients 0…23, 24 numbers: finer shape. Distances here are distances of log mel spectra.
 * </ul>
 */
final class AcousticFeatures {
  static final int VQ02_DIMENSIONS = 26;
  static final int VQ06_DIMENSIONS = 24;
  /** A group of 120 ms in samples, and in slots. */
  private static final int GROUP_SAMPLES = 1920;
  private static final int GROUP_SLOTS = GROUP_SAMPLES / Fbank.HOP;
  private static final int VQ02_SLOTS = 6;
  private static final int VQ06_SLOTS = 4;
  /** Under this natural log of a mel power there is only rounding noise of 16-bit audio. */
  private static final float FLOOR = -12;
  private static final float[][] COSINE = cosine();

  private final int slots;
  /** slots × 24. */
  private final float[] cepstrum;

  private AcousticFeatures(int slots, float[] cepstrum) {
    this.slots = slots;
    this.cepstrum = cepstrum;
  }

  /** @param samples at 16 kHz; what is beyond the last whole group is left out */
  static AcousticFeatures of(float[] samples) {
    int slots = samples.length / GROUP_SAMPLES * GROUP_SLOTS;
    if (slots == 0) {
      return new AcousticFeatures(0, new float[0]);
    }
    int lead = (Fbank.WINDOW - Fbank.HOP) / 2;
    float[] padded = new float[(slots - 1) * Fbank.HOP + Fbank.WINDOW];
    System.arraycopy(samples, 0, padded, lead, Math.min(samples.length, padded.length - lead));
    float[] fbank_FC = Fbank.POVEY.of(padded);
    for (int i = 0; i < fbank_FC.length; i++) {
      fbank_FC[i] = Math.max(fbank_FC[i], FLOOR);
    }
    Fbank.subtractMean(fbank_FC);
    float[] cepstrum = new float[slots * VQ06_DIMENSIONS];
    for (int f = 0; f < slots; f++) {
      for (int k = 0; k < VQ06_DIMENSIONS; k++) {
        double sum = 0;
        for (int b = 0; b < Fbank.BINS; b++) {
          sum += COSINE[k][b] * fbank_FC[f * Fbank.BINS + b];
        }
        cepstrum[f * VQ06_DIMENSIONS + k] = (float) sum;
      }
    }
    return new AcousticFeatures(slots, cepstrum);
  }

  /** Frames × 26 at 16.67 Hz. */
  float[] vq02() {
    int half = VQ02_DIMENSIONS / 2;
    float[] out = new float[slots / VQ02_SLOTS * VQ02_DIMENSIONS];
    for (int i = 0; i < out.length / VQ02_DIMENSIONS; i++) {
      int middle = i * VQ02_SLOTS + VQ02_SLOTS / 2;
      average(i * VQ02_SLOTS, middle, half, out, i * VQ02_DIMENSIONS);
      average(middle, (i + 1) * VQ02_SLOTS, half, out, i * VQ02_DIMENSIONS + half);
    }
    return out;
  }

  /** Frames × 24 at 25 Hz. */
  float[] vq06() {
    float[] out = new float[slots / VQ06_SLOTS * VQ06_DIMENSIONS];
    for (int i = 0; i < out.length / VQ06_DIMENSIONS; i++) {
      average(i * VQ06_SLOTS, (i + 1) * VQ06_SLOTS, VQ06_DIMENSIONS, out, i * VQ06_DIMENSIONS);
    }
    return out;
  }

  private void average(int from, int to, int coefficients, float[] out, int at) {
    Arrays.fill(out, at, at + coefficients, 0);
    for (int f = from; f < to; f++) {
      for (int k = 0; k < coefficients; k++) {
        out[at + k] += cepstrum[f * VQ06_DIMENSIONS + k] / (to - from);
      }
    }
  }

  private static float[][] cosine() {
    float[][] c = new float[VQ06_DIMENSIONS][Fbank.BINS];
    for (int k = 0; k < VQ06_DIMENSIONS; k++) {
      double scale = Math.sqrt((k == 0 ? 1.0 : 2.0) / Fbank.BINS);
      for (int b = 0; b < Fbank.BINS; b++) {
        c[k][b] = (float) (scale * Math.cos(Math.PI * k * (b + 0.5) / Fbank.BINS));
      }
    }
    return c;
  }
}
