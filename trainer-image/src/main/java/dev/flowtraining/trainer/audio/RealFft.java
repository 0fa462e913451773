package dev.flowtraining.trainer.audio;

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

  private final int half;
  /** cos and −sin of 2πk/n: twiddles of the split; every second one is a twiddle of the complex transform. */
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
    cos = new double[half];
    sin = new double[half];
    for (int k = 0; k < half; k++) {
      cos[k] = Math.cos(2 * Math.PI * k / n);
      sin[k] = -Math.sin(2 * Math.PI * k / n);
    }
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
    for (int k = 1; k < half; k++) {
      double er = (xr[k] + xr[half - k]) / 2;
      double ei = (xi[k] - xi[half - k]) / 2;
      double or = (xi[k] + xi[half - k]) / 2;
      double oi = (xr[half - k] - xr[k]) / 2;
      power[k] = square(er + cos[k] * or - sin[k] * oi) + square(ei + cos[k] * oi + sin[k] * or);
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
      for (int p = 0; p < m; p++) {
        pass(radix, p, m, stride);
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

  private void pass(int radix, int p, int m, int s) {
    int in = s * p;
    int step = s * m;
    int out = s * radix * p;
    int w = 2 * p * s; // index of the twiddle e^(−2πi·p/length) in the tables of 2πk/n
    switch (radix) {
      case 2 -> radix2(in, step, out, s, w);
      case 3 -> radix3(in, step, out, s, w);
      case 4 -> radix4(in, step, out, s, w);
      default -> radix5(in, step, out, s, w);
    }
  }

  /** A twiddle e^(−2πi·w/n); past the half circle it is the negative of the one half a circle before. */
  private double re(int w) {
    return w < half ? cos[w] : -cos[w - half];
  }

  private double im(int w) {
    return w < half ? sin[w] : -sin[w - half];
  }

  private void radix2(int in, int step, int out, int s, int w) {
    final double c1 = re(w);
    final double s1 = im(w);
    for (int q = 0; q < s; q++) {
      int a = in + q;
      int b = a + step;
      int o = out + q;
      yr[o] = xr[a] + xr[b];
      yi[o] = xi[a] + xi[b];
      yr[o + s] = (xr[a] - xr[b]) * c1 - (xi[a] - xi[b]) * s1;
      yi[o + s] = (xr[a] - xr[b]) * s1 + (xi[a] - xi[b]) * c1;
    }
  }

  private void radix3(int in, int step, int out, int s, int w) {
    final double c1 = re(w);
    final double s1 = im(w);
    final double c2 = re(2 * w);
    final double s2 = im(2 * w);
    for (int q = 0; q < s; q++) {
      int a = in + q;
      int b = a + step;
      int c = b + step;
      int o = out + q;
      double tr = xr[b] + xr[c];
      double ti = xi[b] + xi[c];
      double ur = (xi[b] - xi[c]) * SIN60;
      double ui = (xr[c] - xr[b]) * SIN60;
      double mr = xr[a] - tr / 2;
      double mi = xi[a] - ti / 2;
      yr[o] = xr[a] + tr;
      yi[o] = xi[a] + ti;
      yr[o + s] = (mr + ur) * c1 - (mi + ui) * s1;
      yi[o + s] = (mr + ur) * s1 + (mi + ui) * c1;
      yr[o + 2 * s] = (mr - ur) * c2 - (mi - ui) * s2;
      yi[o + 2 * s] = (mr - ur) * s2 + (mi - ui) * c2;
    }
  }

  private void radix4(int in, int step, int out, int s, int w) {
    final double c1 = re(w);
    final double s1 = im(w);
    final double c2 = re(2 * w);
    final double s2 = im(2 * w);
    final double c3 = re(3 * w);
    final double s3 = im(3 * w);
    for (int q = 0; q < s; q++) {
      int a = in + q;
      int b = a + step;
      int c = b + step;
      int d = c + step;
      int o = out + q;
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
  }

  private void radix5(int in, int step, int out, int s, int w) {
    final double c1 = re(w);
    final double s1 = im(w);
    final double c2 = re(2 * w);
    final double s2 = im(2 * w);
    final double c3 = re(3 * w);
    final double s3 = im(3 * w);
    final double c4 = re(4 * w);
    final double s4 = im(4 * w);
    for (int q = 0; q < s; q++) {
      int a = in + q;
      int b = a + step;
      int c = b + step;
      int d = c + step;
      int e = d + step;
      int o = out + q;
      double t1r = xr[b] + xr[e];
      double t1i = xi[b] + xi[e];
      double t2r = xr[c] + xr[d];
      double t2i = xi[c] + xi[d];
      double d1r = xr[b] - xr[e];
      double d1i = xi[b] - xi[e];
      double d2r = xr[c] - xr[d];
      double d2i = xi[c] - xi[d];
      double m1r = xr[a] + C1 * t1r + C2 * t2r;
      double m1i = xi[a] + C1 * t1i + C2 * t2i;
      double m2r = xr[a] + C2 * t1r + C1 * t2r;
      double m2i = xi[a] + C2 * t1i + C1 * t2i;
      double n1r = S1 * d1i + S2 * d2i;
      double n1i = -S1 * d1r - S2 * d2r;
      double n2r = S2 * d1i - S1 * d2i;
      double n2i = -S2 * d1r + S1 * d2r;
      yr[o] = xr[a] + t1r + t2r;
      yi[o] = xi[a] + t1i + t2i;
      yr[o + s] = (m1r + n1r) * c1 - (m1i + n1i) * s1;
      yi[o + s] = (m1r + n1r) * s1 + (m1i + n1i) * c1;
      yr[o + 2 * s] = (m2r + n2r) * c2 - (m2i + n2i) * s2;
      yi[o + 2 * s] = (m2r + n2r) * s2 + (m2i + n2i) * c2;
      yr[o + 3 * s] = (m2r - n2r) * c3 - (m2i - n2i) * s3;
      yi[o + 3 * s] = (m2r - n2r) * s3 + (m2i - n2i) * c3;
      yr[o + 4 * s] = (m1r - n1r) * c4 - (m1i - n1i) * s4;
      yi[o + 4 * s] = (m1r - n1r) * s4 + (m1i - n1i) * c4;
    }
  }
}
