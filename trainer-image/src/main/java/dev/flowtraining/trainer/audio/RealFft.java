package dev.flowtraining.trainer.audio;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Fourier transform of real frames of even length n whose half has only the factors 2, 3 and 5, which are the lengths
 * of speech features (512, 400, 1920): a Stockham transform of n/2 complex values, then the usual split into n/2+1
 * bins.
 *
 * <p>Holds its work space: one instance per thread.
 */
final class RealFft {
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
  private double[] xr;
  private double[] xi;
  private double[] yr;
  private double[] yi;

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
    xr = new double[half];
    xi = new double[half];
    yr = new double[half];
    yi = new double[half];
  }

  /**
   * @param frame n values
   * @param power receives re² + im² of the n/2+1 bins
   */
  void power(double[] frame, double[] power) {
    for (int i = 0; i < half; i++) {
      xr[i] = frame[2 * i];
      xi[i] = frame[2 * i + 1];
    }
    transform();
    power[0] = square(xr[0] + xi[0]);
    power[half] = square(xr[0] - xi[0]);
    // the bins k and n/2 − k come from the same two values
    for (int k = 1; 2 * k <= half; k++) {
      int l = half - k;
      double er = xr[k] + xr[l];
      double ei = xi[k] - xi[l];
      double or = xi[k] + xi[l];
      double oi = xr[l] - xr[k];
      double tr = cos[k] * or - sin[k] * oi;
      double ti = cos[k] * oi + sin[k] * or;
      power[k] = (square(er + tr) + square(ei + ti)) / 4;
      power[l] = (square(er - tr) + square(ei - ti)) / 4;
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
      int m = length / radix;
      switch (radix) {
        case 2 -> radix2(m, stride);
        case 3 -> radix3(m, stride);
        case 4 -> radix4(m, stride);
        default -> radix5(m, stride);
      }
      double[] t = xr;
      xr = yr;
      yr = t;
      t = xi;
      xi = yi;
      yi = t;
      length = m;
      stride *= radix;
    }
  }

  // A pass of radix r takes, for p < m and q < s, the values at s·p + q + s·m·(0 … r−1) to s·r·p + q + s·(0 … r−1),
  // times the twiddles e^(−2πi·p·(0 … r−1)/(r·m)), which stand at 2·p·s·(0 … r−1) in the tables of 2πk/n.

  private void radix4(int m, int s) {
    double[] ar = xr;
    double[] ai = xi;
    double[] or = yr;
    double[] oi = yi;
    if (s == 1) { // the loop over q would have one turn
      for (int p = 0; p < m; p++) {
        butterfly4(ar, ai, or, oi, p, m, 4 * p, 1, cos[2 * p], sin[2 * p], cos[4 * p], sin[4 * p], cos[6 * p],
            sin[6 * p]);
      }
      return;
    }
    for (int p = 0; p < m; p++) {
      int w = 2 * p * s;
      double c1 = cos[w];
      double s1 = sin[w];
      double c2 = cos[2 * w];
      double s2 = sin[2 * w];
      double c3 = cos[3 * w];
      double s3 = sin[3 * w];
      for (int q = 0; q < s; q++) {
        butterfly4(ar, ai, or, oi, s * p + q, s * m, 4 * s * p + q, s, c1, s1, c2, s2, c3, s3);
      }
    }
  }

  private static void butterfly4(double[] xr, double[] xi, double[] yr, double[] yi, int a, int step, int o, int s,
      double c1, double s1, double c2, double s2, double c3, double s3) {
    int b = a + step;
    int c = b + step;
    int d = c + step;
    double pr = xr[a] + xr[c];
    double pi = xi[a] + xi[c];
    double mr = xr[a] - xr[c];
    double mi = xi[a] - xi[c];
    double qr = xr[b] + xr[d];
    double qi = xi[b] + xi[d];
    double nr = xi[b] - xi[d];
    double ni = xr[d] - xr[b];
    yr[o] = pr + qr;
    yi[o] = pi + qi;
    yr[o + s] = (mr + nr) * c1 - (mi + ni) * s1;
    yi[o + s] = (mr + nr) * s1 + (mi + ni) * c1;
    yr[o + 2 * s] = (pr - qr) * c2 - (pi - qi) * s2;
    yi[o + 2 * s] = (pr - qr) * s2 + (pi - qi) * c2;
    yr[o + 3 * s] = (mr - nr) * c3 - (mi - ni) * s3;
    yi[o + 3 * s] = (mr - nr) * s3 + (mi - ni) * c3;
  }

  private void radix2(int m, int s) {
    double[] ar = xr;
    double[] ai = xi;
    double[] or = yr;
    double[] oi = yi;
    for (int p = 0; p < m; p++) {
      double c1 = cos[2 * p * s];
      double s1 = sin[2 * p * s];
      for (int q = 0; q < s; q++) {
        int a = s * p + q;
        int b = a + s * m;
        int o = 2 * s * p + q;
        or[o] = ar[a] + ar[b];
        oi[o] = ai[a] + ai[b];
        or[o + s] = (ar[a] - ar[b]) * c1 - (ai[a] - ai[b]) * s1;
        oi[o + s] = (ar[a] - ar[b]) * s1 + (ai[a] - ai[b]) * c1;
      }
    }
  }

  private void radix3(int m, int s) {
    double[] ar = xr;
    double[] ai = xi;
    double[] or = yr;
    double[] oi = yi;
    for (int p = 0; p < m; p++) {
      int w = 2 * p * s;
      double c1 = cos[w];
      double s1 = sin[w];
      double c2 = cos[2 * w];
      double s2 = sin[2 * w];
      for (int q = 0; q < s; q++) {
        int a = s * p + q;
        int b = a + s * m;
        int c = b + s * m;
        int o = 3 * s * p + q;
        double tr = ar[b] + ar[c];
        double ti = ai[b] + ai[c];
        double ur = (ai[b] - ai[c]) * SIN60;
        double ui = (ar[c] - ar[b]) * SIN60;
        double mr = ar[a] - tr / 2;
        double mi = ai[a] - ti / 2;
        or[o] = ar[a] + tr;
        oi[o] = ai[a] + ti;
        or[o + s] = (mr + ur) * c1 - (mi + ui) * s1;
        oi[o + s] = (mr + ur) * s1 + (mi + ui) * c1;
        or[o + 2 * s] = (mr - ur) * c2 - (mi - ui) * s2;
        oi[o + 2 * s] = (mr - ur) * s2 + (mi - ui) * c2;
      }
    }
  }

  private void radix5(int m, int s) {
    double[] ar = xr;
    double[] ai = xi;
    double[] or = yr;
    double[] oi = yi;
    for (int p = 0; p < m; p++) {
      int w = 2 * p * s;
      double c1 = cos[w];
      double s1 = sin[w];
      double c2 = cos[2 * w];
      double s2 = sin[2 * w];
      double c3 = cos[3 * w];
      double s3 = sin[3 * w];
      double c4 = cos[4 * w];
      double s4 = sin[4 * w];
      for (int q = 0; q < s; q++) {
        int a = s * p + q;
        int b = a + s * m;
        int c = b + s * m;
        int d = c + s * m;
        int e = d + s * m;
        int o = 5 * s * p + q;
        double t1r = ar[b] + ar[e];
        double t1i = ai[b] + ai[e];
        double t2r = ar[c] + ar[d];
        double t2i = ai[c] + ai[d];
        double d1r = ar[b] - ar[e];
        double d1i = ai[b] - ai[e];
        double d2r = ar[c] - ar[d];
        double d2i = ai[c] - ai[d];
        double m1r = ar[a] + C1 * t1r + C2 * t2r;
        double m1i = ai[a] + C1 * t1i + C2 * t2i;
        double m2r = ar[a] + C2 * t1r + C1 * t2r;
        double m2i = ai[a] + C2 * t1i + C1 * t2i;
        double n1r = S1 * d1i + S2 * d2i;
        double n1i = -S1 * d1r - S2 * d2r;
        double n2r = S2 * d1i - S1 * d2i;
        double n2i = -S2 * d1r + S1 * d2r;
        or[o] = ar[a] + t1r + t2r;
        oi[o] = ai[a] + t1i + t2i;
        or[o + s] = (m1r + n1r) * c1 - (m1i + n1i) * s1;
        oi[o + s] = (m1r + n1r) * s1 + (m1i + n1i) * c1;
        or[o + 2 * s] = (m2r + n2r) * c2 - (m2i + n2i) * s2;
        oi[o + 2 * s] = (m2r + n2r) * s2 + (m2i + n2i) * c2;
        or[o + 3 * s] = (m2r - n2r) * c3 - (m2i - n2i) * s3;
        oi[o + 3 * s] = (m2r - n2r) * s3 + (m2i - n2i) * c3;
        or[o + 4 * s] = (m1r - n1r) * c4 - (m1i - n1i) * s4;
        oi[o + 4 * s] = (m1r - n1r) * s4 + (m1i - n1i) * c4;
      }
    }
  }
}
