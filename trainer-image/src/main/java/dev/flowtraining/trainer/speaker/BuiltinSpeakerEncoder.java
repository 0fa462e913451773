package dev.flowtraining.trainer.speaker;

import dev.flowtraining.trainer.audio.Fbank;
import java.util.Arrays;

/**
 * The speaker extractor that needs no model: long-term statistics of the CAM++ filter banks over the frames that hold
 * speech (louder than the loudest frame − 30 dB; all frames when the recording is shorter than a window).
 *
 * <ul>
 *   <li>0…79: mean of each bin, less the mean over all bins (so that loudness does not count) and less the straight
 *       line through the bins (so that the tilt that all voices share does not either);
 *   <li>80…159: standard deviation of each bin over time, less the mean over all bins;
 *   <li>160…191: mean absolute change from frame to frame of the orthonormal cosine coefficients 1…32 over the bins, in
 *       logarithms, less their mean and line.
 * </ul>
 *
 * Each part is divided by its L2 norm, so that all three weigh the same. Deterministic.
 */
final class BuiltinSpeakerEncoder implements SpeakerEncoder {
  private static final int BINS = Fbank.BINS;
  private static final int COEFFICIENTS = SIZE - 2 * BINS;
  private static final double SPEECH_RANGE = 30 * Math.log(10) / 10;
  private static final double[][] COSINE = cosine();

  @Override
  public float[] embed(float[] samples) {
    // a recording shorter than a window is one window with silence after it
    float[] fbank_FC = Fbank.POVEY.of(samples.length < Fbank.WINDOW ? Arrays.copyOf(samples, Fbank.WINDOW)
        : samples);
    boolean[] speech = speech(fbank_FC);
    double[] mean = new double[BINS];
    double[] deviation = new double[BINS];
    statistics(fbank_FC, speech, mean, deviation);
    float[] out = new float[SIZE];
    put(out, 0, level(mean, true));
    put(out, BINS, level(deviation, false));
    put(out, 2 * BINS, level(changes(fbank_FC, speech), true));
    return out;
  }

  private static boolean[] speech(float[] fbank_FC) {
    int frames = fbank_FC.length / BINS;
    double[] energy = new double[frames];
    double loudest = Double.NEGATIVE_INFINITY;
    for (int f = 0; f < frames; f++) {
      double sum = 0;
      for (int b = 0; b < BINS; b++) {
        sum += Math.exp(fbank_FC[f * BINS + b]);
      }
      energy[f] = Math.log(sum);
      loudest = Math.max(loudest, energy[f]);
    }
    boolean[] speech = new boolean[frames];
    for (int f = 0; f < frames; f++) {
      speech[f] = energy[f] >= loudest - SPEECH_RANGE;
    }
    return speech;
  }

  private static void statistics(float[] fbank_FC, boolean[] speech, double[] mean, double[] deviation) {
    int n = 0;
    for (int f = 0; f < speech.length; f++) {
      if (!speech[f]) {
        continue;
      }
      n++;
      for (int b = 0; b < BINS; b++) {
        double v = fbank_FC[f * BINS + b];
        mean[b] += v;
        deviation[b] += v * v;
      }
    }
    for (int b = 0; b < BINS; b++) {
      mean[b] /= n;
      deviation[b] = Math.sqrt(Math.max(0, deviation[b] / n - mean[b] * mean[b]));
    }
  }

  private static double[] changes(float[] fbank_FC, boolean[] speech) {
    double[] sum = new double[COEFFICIENTS];
    int n = 0;
    for (int f = 1; f < speech.length; f++) {
      if (!speech[f] || !speech[f - 1]) {
        continue;
      }
      n++;
      for (int k = 0; k < COEFFICIENTS; k++) {
        double change = 0;
        for (int b = 0; b < BINS; b++) {
          change += COSINE[k][b] * (fbank_FC[f * BINS + b] - fbank_FC[(f - 1) * BINS + b]);
        }
        sum[k] += Math.abs(change);
      }
    }
    for (int k = 0; k < COEFFICIENTS; k++) {
      sum[k] = Math.log(Math.max(1e-6, sum[k] / Math.max(1, n)));
    }
    return sum;
  }

  /** Subtracts the mean and, if asked, the least-squares line. */
  private static double[] level(double[] v, boolean line) {
    int n = v.length;
    double mean = Arrays.stream(v).average().orElseThrow();
    double slope = 0;
    double norm = 0;
    for (int i = 0; i < n; i++) {
      double x = i - (n - 1) / 2.0;
      slope += x * v[i];
      norm += x * x;
    }
    double[] out = new double[n];
    for (int i = 0; i < n; i++) {
      out[i] = v[i] - mean - (line ? slope / norm * (i - (n - 1) / 2.0) : 0);
    }
    return out;
  }

  private static void put(float[] out, int at, double[] part) {
    double norm = 0;
    for (double v : part) {
      norm += v * v;
    }
    norm = Math.sqrt(norm);
    for (int i = 0; i < part.length; i++) {
      out[at + i] = (float) (norm == 0 ? 0 : part[i] / norm);
    }
  }

  private static double[][] cosine() {
    double[][] c = new double[COEFFICIENTS][BINS];
    for (int k = 0; k < COEFFICIENTS; k++) {
      for (int b = 0; b < BINS; b++) {
        c[k][b] = Math.sqrt(2.0 / BINS) * Math.cos(Math.PI * (k + 1) * (b + 0.5) / BINS);
      }
    }
    return c;
  }
}
