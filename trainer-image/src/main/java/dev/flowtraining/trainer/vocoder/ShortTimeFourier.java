package dev.flowtraining.trainer.vocoder;

/**
 * torch's {@code stft} and {@code istft} with a periodic Hann window as long as the transform, centred frames and
 * reflected ends. For the very short transforms of HiFT: the sums are formed directly.
 */
record ShortTimeFourier(int n, int hop) {

  int bins() {
    return n / 2 + 1;
  }

  int frames(int samples) {
    return samples / hop + 1;
  }

  /** @return (2·bins, frames), row-major: real parts, then imaginary parts */
  float[] analyse(float[] signal) {
    int frames = frames(signal.length);
    double[] window = window();
    float[] out = new float[2 * bins() * frames];
    double[] frame = new double[n];
    for (int f = 0; f < frames; f++) {
      for (int i = 0; i < n; i++) {
        frame[i] = window[i] * signal[reflected(f * hop + i - n / 2, signal.length)];
      }
      for (int k = 0; k < bins(); k++) {
        double re = 0;
        double im = 0;
        for (int i = 0; i < n; i++) {
          double angle = -2 * Math.PI * (k * i % n) / n;
          re += frame[i] * Math.cos(angle);
          im += frame[i] * Math.sin(angle);
        }
        out[k * frames + f] = (float) re;
        out[(bins() + k) * frames + f] = (float) im;
      }
    }
    return out;
  }

  /**
   * Overlapped and added, divided by the sum of the squared windows.
   *
   * @param magnitude (bins, frames), row-major
   * @param phase (bins, frames), row-major
   * @return hop·(frames−1) samples
   */
  float[] synthesise(float[] magnitude, float[] phase) {
    int frames = magnitude.length / bins();
    double[] window = window();
    double[] sum = new double[hop * (frames - 1) + n];
    double[] weight = new double[sum.length];
    for (int f = 0; f < frames; f++) {
      for (int i = 0; i < n; i++) {
        double value = 0;
        for (int k = 0; k < bins(); k++) {
          double twice = k == 0 || k == n / 2 ? 1 : 2; // the bins above are the conjugates of those below
          value += twice * magnitude[k * frames + f] * Math.cos(phase[k * frames + f] + 2 * Math.PI * (k * i % n) / n);
        }
        // of the first and the last bin only the real part counts, which is what the cosine of their angle leaves
        sum[f * hop + i] += window[i] * value / n;
        weight[f * hop + i] += window[i] * window[i];
      }
    }
    float[] signal = new float[hop * (frames - 1)];
    for (int i = 0; i < signal.length; i++) {
      signal[i] = (float) (sum[n / 2 + i] / weight[n / 2 + i]);
    }
    return signal;
  }

  private double[] window() {
    double[] window = new double[n];
    for (int i = 0; i < n; i++) {
      window[i] = 0.5 - 0.5 * Math.cos(2 * Math.PI * i / n);
    }
    return window;
  }

  private static int reflected(int i, int length) {
    int at = Math.abs(i);
    return at < length ? at : 2 * (length - 1) - at;
  }
}
