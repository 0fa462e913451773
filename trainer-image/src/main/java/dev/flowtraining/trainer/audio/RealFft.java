package dev.flowtraining.trainer.audio;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Power spectra of real frames of even length n whose half has only the factors 2, 3 and 5, which are the lengths of
 * speech features (512, 400, 1920): a Stockham transform of n/2 complex values, then the usual split into n/2+1 bins.
 *
 * <p>{@value #LANES} frames go through it side by side, so that every step is a loop over neighbours in memory, which the
 * JVM turns into vector instructions. A row holds one complex value of every frame, first all real parts, then all
 * imaginary ones.
 *
 * <p>Holds its work space: one instance per thread.
 */
final class RealFft {
  /** Frames side by side. */
  static final int LANES = 32;
  private static final double SIN60 = Math.sqrt(3) / 2;
  private static final double C1 = Math.cos(2 * Math.PI / 5);
  private static final double C2 = Math.cos(4 * Math.PI / 5);
  private static final double S1 = Math.sin(2 * Math.PI / 5);
  private static final double S2 = Math.sin(4 * Math.PI / 5);
  private static final Map<Integer, Twiddles> TWIDDLES = new ConcurrentHashMap<>();

  /** cos and −sin of 2πk/n: twiddles of the split; every second one is a twiddle of the complex transform. */
  private record Twiddles(double[] cos, double[] sin) {
    static Twiddles of(int n) {
      Twiddles all = new Twiddles(new double[n], new double[n]);
      for (int k = 0; k < n; k++) {
        all.cos[k] = Math.cos(2 * Math.PI * k / n);
        all.sin[k] = -Math.sin(2 * Math.PI * k / n);
      }
      return all;
    }
  }

  private final int half;
  private final double[] cos;
  private final double[] sin;
  private double[][] x;
  private double[][] y;
  private final double[][] power;

  RealFft(int n) {
    int rest = n / 2;
    for (int f : new int[] {2, 3, 5}) {
      while (rest % f == 0) {
        rest /= f;
      }
    }
    if (n % 2 != 0 || rest != 1) {
      throw new IllegalArgumentException("no transform of length " + n + ": half of it must be 2^a·3^b·5^c");
    }
    half = n / 2;
    Twiddles twiddles = TWIDDLES.computeIfAbsent(n, Twiddles::of);
    cos = twiddles.cos;
    sin = twiddles.sin;
    x = new double[half][2 * LANES];
    y = new double[half][2 * LANES];
    power = new double[half + 1][LANES];
  }

  /** n/2 rows for the next frames: samples 2j of all frames, then samples 2j + 1. What they held is of no use. */
  double[][] rows() {
    return x;
  }

  /** @return n/2+1 rows: re² + im² of a bin of every frame that stood in {@link #rows} */
  double[][] power() {
    transform();
    for (int i = 0; i < LANES; i++) {
      power[0][i] = square(x[0][i] + x[0][LANES + i]);
      power[half][i] = square(x[0][i] - x[0][LANES + i]);
    }
    // the bins k and n/2 − k come from the same two values
    for (int k = 1; 2 * k <= half; k++) {
      split(x[k], x[half - k], power[k], power[half - k], cos[k], sin[k]);
    }
    return power;
  }

  private static void split(double[] a, double[] b, double[] low, double[] high, double c, double s) {
    for (int i = 0; i < LANES; i++) {
      double er = a[i] + b[i];
      double ei = a[LANES + i] - b[LANES + i];
      double or = a[LANES + i] + b[LANES + i];
      double oi = b[i] - a[i];
      double tr = c * or - s * oi;
      double ti = c * oi + s * or;
      low[i] = (square(er + tr) + square(ei + ti)) / 4;
      high[i] = (square(er - tr) + square(ei - ti)) / 4;
    }
  }

  private static double square(double v) {
    return v * v;
  }

  private void transform() {
    int length = half;
    int stride = 1;
    while (length > 1) {
      int radix = length % 4 == 0 ? 4 : length % 2 == 0 ? 2 : length % 3 == 0 ? 3 : 5;
      length /= radix;
      for (int p = 0; p < length; p++) {
        for (int q = 0; q < stride; q++) {
          butterfly(radix, stride * p + q, stride * length, stride * radix * p + q, stride, 2 * p * stride);
        }
      }
      double[][] t = x;
      x = y;
      y = t;
      stride *= radix;
    }
  }

  /**
   * A pass of radix r takes, for p < m and q < s, the rows s·p + q + s·m·(0 … r−1) to s·r·p + q + s·(0 … r−1), times the
   * twiddles e^(−2πi·p·(0 … r−1)/(r·m)), which stand at w·(0 … r−1) in the tables of 2πk/n.
   */
  private void butterfly(int radix, int in, int step, int out, int s, int w) {
    switch (radix) {
      case 2 -> radix2(x[in], x[in + step], y[out], y[out + s], cos[w], sin[w]);
      case 3 -> radix3(x[in], x[in + step], x[in + 2 * step], y[out], y[out + s], y[out + 2 * s], cos[w], sin[w],
          cos[2 * w], sin[2 * w]);
      case 4 -> radix4(x[in], x[in + step], x[in + 2 * step], x[in + 3 * step], y[out], y[out + s], y[out + 2 * s],
          y[out + 3 * s], cos[w], sin[w], cos[2 * w], sin[2 * w], cos[3 * w], sin[3 * w]);
      default -> radix5(x[in], x[in + step], x[in + 2 * step], x[in + 3 * step], x[in + 4 * step], y[out], y[out + s],
          y[out + 2 * s], y[out + 3 * s], y[out + 4 * s], cos[w], sin[w], cos[2 * w], sin[2 * w], cos[3 * w],
          sin[3 * w], cos[4 * w], sin[4 * w]);
    }
  }

  private static void radix2(double[] a, double[] b, double[] o0, double[] o1, double c1, double s1) {
    for (int i = 0; i < LANES; i++) {
      double mr = a[i] - b[i];
      double mi = a[LANES + i] - b[LANES + i];
      o0[i] = a[i] + b[i];
      o0[LANES + i] = a[LANES + i] + b[LANES + i];
      o1[i] = mr * c1 - mi * s1;
      o1[LANES + i] = mr * s1 + mi * c1;
    }
  }

  private static void radix3(double[] a, double[] b, double[] c, double[] o0, double[] o1, double[] o2, double c1,
      double s1, double c2, double s2) {
    for (int i = 0; i < LANES; i++) {
      double tr = b[i] + c[i];
      double ti = b[LANES + i] + c[LANES + i];
      double ur = (b[LANES + i] - c[LANES + i]) * SIN60;
      double ui = (c[i] - b[i]) * SIN60;
      double mr = a[i] - tr / 2;
      double mi = a[LANES + i] - ti / 2;
      o0[i] = a[i] + tr;
      o0[LANES + i] = a[LANES + i] + ti;
      o1[i] = (mr + ur) * c1 - (mi + ui) * s1;
      o1[LANES + i] = (mr + ur) * s1 + (mi + ui) * c1;
      o2[i] = (mr - ur) * c2 - (mi - ui) * s2;
      o2[LANES + i] = (mr - ur) * s2 + (mi - ui) * c2;
    }
  }

  private static void radix4(double[] a, double[] b, double[] c, double[] d, double[] o0, double[] o1, double[] o2,
      double[] o3, double c1, double s1, double c2, double s2, double c3, double s3) {
    for (int i = 0; i < LANES; i++) {
      double pr = a[i] + c[i];
      double pi = a[LANES + i] + c[LANES + i];
      double mr = a[i] - c[i];
      double mi = a[LANES + i] - c[LANES + i];
      double qr = b[i] + d[i];
      double qi = b[LANES + i] + d[LANES + i];
      double nr = b[LANES + i] - d[LANES + i];
      double ni = d[i] - b[i];
      o0[i] = pr + qr;
      o0[LANES + i] = pi + qi;
      o1[i] = (mr + nr) * c1 - (mi + ni) * s1;
      o1[LANES + i] = (mr + nr) * s1 + (mi + ni) * c1;
      o2[i] = (pr - qr) * c2 - (pi - qi) * s2;
      o2[LANES + i] = (pr - qr) * s2 + (pi - qi) * c2;
      o3[i] = (mr - nr) * c3 - (mi - ni) * s3;
      o3[LANES + i] = (mr - nr) * s3 + (mi - ni) * c3;
    }
  }

  private static void radix5(double[] a, double[] b, double[] c, double[] d, double[] e, double[] o0, double[] o1,
      double[] o2, double[] o3, double[] o4, double c1, double s1, double c2, double s2, double c3, double s3,
      double c4, double s4) {
    for (int i = 0; i < LANES; i++) {
      double t1r = b[i] + e[i];
      double t1i = b[LANES + i] + e[LANES + i];
      double t2r = c[i] + d[i];
      double t2i = c[LANES + i] + d[LANES + i];
      double d1r = b[i] - e[i];
      double d1i = b[LANES + i] - e[LANES + i];
      double d2r = c[i] - d[i];
      double d2i = c[LANES + i] - d[LANES + i];
      double m1r = a[i] + C1 * t1r + C2 * t2r;
      double m1i = a[LANES + i] + C1 * t1i + C2 * t2i;
      double m2r = a[i] + C2 * t1r + C1 * t2r;
      double m2i = a[LANES + i] + C2 * t1i + C1 * t2i;
      double n1r = S1 * d1i + S2 * d2i;
      double n1i = -S1 * d1r - S2 * d2r;
      double n2r = S2 * d1i - S1 * d2i;
      double n2i = -S2 * d1r + S1 * d2r;
      o0[i] = a[i] + t1r + t2r;
      o0[LANES + i] = a[LANES + i] + t1i + t2i;
      o1[i] = (m1r + n1r) * c1 - (m1i + n1i) * s1;
      o1[LANES + i] = (m1r + n1r) * s1 + (m1i + n1i) * c1;
      o2[i] = (m2r + n2r) * c2 - (m2i + n2i) * s2;
      o2[LANES + i] = (m2r + n2r) * s2 + (m2i + n2i) * c2;
      o3[i] = (m2r - n2r) * c3 - (m2i - n2i) * s3;
      o3[LANES + i] = (m2r - n2r) * s3 + (m2i - n2i) * c3;
      o4[i] = (m1r - n1r) * c4 - (m1i - n1i) * s4;
      o4[LANES + i] = (m1r - n1r) * s4 + (m1i - n1i) * c4;
    }
  }
}
