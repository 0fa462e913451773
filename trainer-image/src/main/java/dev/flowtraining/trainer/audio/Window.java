package dev.flowtraining.trainer.audio;

/** Windows and the mirrored index of reflect padding. */
final class Window {
  private Window() {}

  static double[] hannPeriodic(int n) {
    return cosine(n, n, 0.5);
  }

  /** Kaldi's Povey window: a symmetric Hann window to the power 0.85. */
  static double[] povey(int n) {
    double[] w = cosine(n, n - 1, 0.5);
    for (int i = 0; i < n; i++) {
      w[i] = Math.pow(w[i], 0.85);
    }
    return w;
  }

  static double[] hamming(int n) {
    return cosine(n, n - 1, 0.54);
  }

  private static double[] cosine(int n, int period, double a) {
    double[] w = new double[n];
    for (int i = 0; i < n; i++) {
      w[i] = a - (1 - a) * Math.cos(2 * Math.PI * i / period);
    }
    return w;
  }

  /**
   * Puts window times signal into the frames of {@link MelFrames#load}, the signal mirrored where it has ended.
   *
   * @param starts where each frame begins in the signal
   */
  static void load(double[] window, float[] samples, int[] starts, double[][] rows) {
    int lanes = starts.length;
    boolean inside = starts[0] >= 0 && starts[lanes - 1] + window.length <= samples.length;
    for (int j = 0; j < rows.length; j++) {
      double[] row = rows[j];
      double even = window[2 * j];
      double odd = window[2 * j + 1];
      for (int i = 0; i < lanes; i++) {
        int at = starts[i] + 2 * j;
        row[i] = even * samples[inside ? at : reflect(at, samples.length)];
        row[lanes + i] = odd * samples[inside ? at + 1 : reflect(at + 1, samples.length)];
      }
    }
  }

  /** Index into a signal that continues mirrored about its first and last sample (neither repeated). */
  static int reflect(int i, int length) {
    int k = i < 0 ? -i : i;
    return k < length ? k : 2 * (length - 1) - k;
  }
}
