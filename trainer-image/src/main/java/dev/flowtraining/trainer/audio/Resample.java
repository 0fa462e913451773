package dev.flowtraining.trainer.audio;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Windowed-sinc resampling, equal to torchaudio's {@code sinc_interp_hann} with width 6 and roll-off 0.99. Kernels are
 * computed in float64, as {@code transforms.Resample} does. Output length is ⌈new · length / old⌉.
 *
 * <p>Thread-safe; one instance per pair of rates is kept.
 */
public final class Resample {
  private static final int WIDTH = 6;
  private static final double ROLLOFF = 0.99;
  private static final Map<Long, Resample> BY_RATES = new ConcurrentHashMap<>();

  /** Rates divided by their greatest common divisor: {@code up} samples leave for every {@code down} that enter. */
  private final int down;
  private final int up;
  /** Input index, relative to the group of {@code down} samples, of a phase's first tap that is not zero. */
  private final int[] first;
  private final double[][] taps;

  private Resample(int oldRate, int newRate) {
    int gcd = gcd(oldRate, newRate);
    down = oldRate / gcd;
    up = newRate / gcd;
    first = new int[up];
    taps = new double[up][];
    double cutoff = Math.min(down, up) * ROLLOFF;
    int half = (int) Math.ceil(WIDTH * down / cutoff);
    for (int phase = 0; phase < up; phase++) {
      kernel(phase, half, cutoff);
    }
  }

  public static Resample between(int oldRate, int newRate) {
    if (oldRate <= 0 || newRate <= 0) {
      throw new IllegalArgumentException("sample rates must be positive: " + oldRate + ", " + newRate);
    }
    return BY_RATES.computeIfAbsent((long) oldRate << 32 | newRate, k -> new Resample(oldRate, newRate));
  }

  private void kernel(int phase, int half, double cutoff) {
    int n = 2 * half + down;
    double[] all = new double[n];
    int from = n;
    int to = 0;
    for (int k = 0; k < n; k++) {
      double t = ((k - half) / (double) down - phase / (double) up) * cutoff;
      if (Math.abs(t) >= WIDTH) {
        continue; // the window is zero here; most taps are, so they are not stored
      }
      double window = Math.pow(Math.cos(t * Math.PI / WIDTH / 2), 2);
      double x = t * Math.PI;
      all[k] = (x == 0 ? 1 : Math.sin(x) / x) * window * cutoff / down;
      from = Math.min(from, k);
      to = k + 1;
    }
    first[phase] = from - half;
    taps[phase] = Arrays.copyOfRange(all, from, to);
  }

  /** How many samples {@link #apply} returns. */
  public int length(int samples) {
    return (int) (((long) up * samples + down - 1) / down);
  }

  public float[] apply(float[] in) {
    if (up == down) {
      return in.clone();
    }
    float[] out = new float[length(in.length)];
    for (int phase = 0; phase < up; phase++) {
      phase(phase, in, out);
    }
    return out;
  }

  /** Every {@code up}-th sample, all with the same taps; four at a time, since one sum would wait for itself. */
  private void phase(int phase, float[] in, float[] out) {
    double[] tap = taps[phase];
    int at = first[phase];
    int i = phase;
    while (i < out.length) {
      int last = at + 3 * down + tap.length;
      if (at < 0 || last > in.length || i + 3 * up >= out.length) {
        out[i] = edge(tap, in, at);
        i += up;
        at += down;
        continue;
      }
      double a = 0;
      double b = 0;
      double c = 0;
      double d = 0;
      for (int k = 0; k < tap.length; k++) {
        double t = tap[k];
        a += t * in[at + k];
        b += t * in[at + down + k];
        c += t * in[at + 2 * down + k];
        d += t * in[at + 3 * down + k];
      }
      out[i] = (float) a;
      out[i + up] = (float) b;
      out[i + 2 * up] = (float) c;
      out[i + 3 * up] = (float) d;
      i += 4 * up;
      at += 4 * down;
    }
  }

  private static float edge(double[] tap, float[] in, int at) {
    double sum = 0;
    for (int k = Math.max(0, -at); k < Math.min(tap.length, in.length - at); k++) {
      sum += tap[k] * in[at + k];
    }
    return (float) sum;
  }

  private static int gcd(int a, int b) {
    return b == 0 ? a : gcd(b, a % b);
  }
}
