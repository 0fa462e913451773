package dev.flowtraining.trainer.audio;

import java.util.Arrays;

/**
 * Kaldi filter banks of 16 kHz audio: 25 ms windows every 10 ms with snip-edges, DC removed, pre-emphasis 0.97 (the
 * first sample repeated), transform of 512, power, 80 mel filters 20–8000 Hz, ln(max(·, 1.19e-7)). No dither.
 */
public enum Fbank {
  /** Input of CAM++: samples in [−1, 1], Povey window. */
  POVEY(Window.povey(Fbank.WINDOW), 1),
  /** Input of FunASR's front end: samples times 32768, Hamming window. */
  HAMMING_INT16(Window.hamming(Fbank.WINDOW), 32768);

  public static final int RATE = 16_000;
  public static final int BINS = 80;
  public static final int HOP = 160;
  public static final int WINDOW = 400;
  private static final int N = 512;
  private static final double FLOOR = Math.ulp(1f); // torch.finfo(float32).eps

  private final MelFrames melFrames;

  Fbank(double[] window, double scale) {
    melFrames = new Frames(window, scale);
  }

  public static int frames(int samples) {
    return samples < WINDOW ? 0 : 1 + (samples - WINDOW) / HOP;
  }

  /**
   * @param samples at 16 kHz; fewer than 400 give no frame
   * @return frames × 80, row-major
   */
  public float[] of(float[] samples) {
    return melFrames.of(samples, frames(samples.length));
  }

  private static final class Frames extends MelFrames {
    private final double[] window;
    private final double scale;

    Frames(double[] window, double scale) {
      super(N, MelBank.kaldi(RATE, N, BINS, 20, 8000));
      this.window = window;
      this.scale = scale;
    }

    @Override
    void load(float[] samples, int from, int last, double[][] rows) {
      int[] starts = starts(from, last, HOP, 0);
      double[] sum = new double[2 * LANES];
      for (int j = 0; j < WINDOW / 2; j++) {
        double[] row = rows[j];
        for (int i = 0; i < LANES; i++) {
          row[i] = samples[starts[i] + 2 * j] * scale;
          row[LANES + i] = samples[starts[i] + 2 * j + 1] * scale;
        }
        for (int i = 0; i < 2 * LANES; i++) {
          sum[i] += row[i];
        }
      }
      double[] mean = new double[LANES];
      for (int i = 0; i < LANES; i++) {
        mean[i] = (sum[i] + sum[LANES + i]) / WINDOW;
      }
      // from the end: each sample needs the one before as it was
      for (int j = WINDOW / 2 - 1; j > 0; j--) {
        emphasise(rows[j], rows[j - 1], LANES, mean, window[2 * j], window[2 * j + 1]);
      }
      emphasise(rows[0], rows[0].clone(), 0, mean, window[0], window[1]); // the first sample stands before itself
      for (int j = WINDOW / 2; j < N / 2; j++) {
        Arrays.fill(rows[j], 0);
      }
    }

    /** @param at where the samples before those of this row begin in their row */
    private static void emphasise(double[] row, double[] before, int at, double[] mean, double even, double odd) {
      for (int i = 0; i < LANES; i++) {
        double e = row[i] - mean[i];
        double o = row[LANES + i] - mean[i];
        double b = before[at + i] - mean[i];
        row[i] = (e - 0.97 * b) * even;
        row[LANES + i] = (o - 0.97 * e) * odd;
      }
    }

    @Override
    double compress(double mel) {
      return Ln.of(Math.max(mel, FLOOR));
    }
  }

  /** Subtracts each bin's mean over time, in place, as CAM++ wants it. */
  public static float[] subtractMean(float[] fbank_FC) {
    int frames = fbank_FC.length / BINS;
    for (int m = 0; m < BINS; m++) {
      double mean = 0;
      for (int f = 0; f < frames; f++) {
        mean += fbank_FC[f * BINS + m];
      }
      for (int f = 0; f < frames; f++) {
        fbank_FC[f * BINS + m] -= (float) (mean / frames);
      }
    }
    return fbank_FC;
  }
}
