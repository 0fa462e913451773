package dev.flowtraining.trainer.audio;

/**
 * Natural logarithm of positive normal numbers, to 1e-13, at a third of the time of {@link Math#log}: spectra take more
 * of them than of anything else. With c the middle of one of 256 parts of [1, 2): ln(2^e·m) = e·ln 2 + ln c + ln(m/c),
 * of which the last is four terms of its series.
 */
final class Ln {
  private static final double LN2 = Math.log(2);
  private static final double[] RECIPROCAL = new double[256];
  private static final double[] LN = new double[256];

  static {
    for (int i = 0; i < 256; i++) {
      double c = 1 + (i + 0.5) / 256;
      RECIPROCAL[i] = 1 / c;
      LN[i] = Math.log(c);
    }
  }

  private Ln() {}

  static double of(double x) {
    long bits = Double.doubleToRawLongBits(x);
    int part = (int) (bits >> 44) & 0xFF;
    double m = Double.longBitsToDouble(bits & 0xF_FFFF_FFFF_FFFFL | 0x3FF0_0000_0000_0000L);
    double r = m * RECIPROCAL[part] - 1;
    return ((bits >> 52) - 1023) * LN2 + LN[part] + r * (1 - r * (1 / 2.0 - r * (1 / 3.0 - r / 4)));
  }
}
