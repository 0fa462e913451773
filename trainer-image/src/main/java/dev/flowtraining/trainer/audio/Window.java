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

  /** Puts window times signal into the frame, the signal mirrored where it has ended. */
  static void load(double[] window, float[] samples, int from, double[] frame) {
    if (from >= 0 && from + window.length <= samples.length) {
      for (int i = 0; i < window.length; i++) {
        frame[i] = window[i] * samples[from + i];
      }
    } else {
      for (int i = 0; i < window.length; i++) {
        frame[i] = window[i] * samples[reflect(from + i, samples.length)];
      }
    }
  }

  /** Index into a signal that continues mirrored about its first and last sample (neither repeated). */
  static int reflect(int i, int length) {
    int k = i < 0 ? -i : i;
    return k < length ? k : 2 * (length - 1) - k;
  }
}
