package dev.flowtraining.trainer.audio;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/** Triangular filters over the bins of a spectrum, stored without their zeros. */
final class MelBank {
  private final int[] first;
  private final double[][] weights;

  private MelBank(int mels) {
    first = new int[mels];
    weights = new double[mels][];
  }

  /**
   * librosa's default: Slaney's mel scale, triangles in Hz, each of area 1 (times 2). Bins 0 … n/2.
   *
   * @param n length of the transform
   */
  static MelBank slaney(int rate, int n, int mels, double low, double high) {
    double[] edge = edges(mels, slaneyMel(low), slaneyMel(high), MelBank::slaneyHz);
    MelBank bank = new MelBank(mels);
    for (int m = 0; m < mels; m++) {
      double area = 2 / (edge[m + 2] - edge[m]);
      bank.triangle(m, n / 2 + 1, edge[m], edge[m + 1], edge[m + 2], area, k -> k * rate / n);
    }
    return bank;
  }

  /** Kaldi's: mel = 1127·ln(1 + f/700), triangles in mel, of height 1. Bins 0 … n/2−1. */
  static MelBank kaldi(int rate, int n, int mels, double low, double high) {
    double[] edge = edges(mels, kaldiMel(low), kaldiMel(high), x -> x);
    MelBank bank = new MelBank(mels);
    for (int m = 0; m < mels; m++) {
      bank.triangle(m, n / 2, edge[m], edge[m + 1], edge[m + 2], 1, k -> kaldiMel(k * rate / n));
    }
    return bank;
  }

  private void triangle(int m, int bins, double left, double centre, double right, double height,
      DoubleUnaryOperator position) {
    double[] all = new double[bins];
    int from = bins;
    int to = 0;
    for (int k = 0; k < bins; k++) {
      double x = position.applyAsDouble(k);
      all[k] = height * Math.max(0, Math.min((x - left) / (centre - left), (right - x) / (right - centre)));
      if (all[k] > 0) {
        from = Math.min(from, k);
        to = k + 1;
      }
    }
    first[m] = Math.min(from, to);
    weights[m] = Arrays.copyOfRange(all, first[m], to);
  }

  int size() {
    return first.length;
  }

  /**
   * Filter m over spectra that stand side by side.
   *
   * @param spectra a row for each bin
   * @param sum receives a number for each spectrum
   */
  void apply(int m, double[][] spectra, double[] sum) {
    double[] w = weights[m];
    Arrays.fill(sum, 0);
    for (int k = 0; k < w.length; k++) {
      add(w[k], spectra[first[m] + k], sum);
    }
  }

  private static void add(double weight, double[] row, double[] sum) {
    for (int i = 0; i < RealFft.LANES; i++) {
      sum[i] += weight * row[i];
    }
  }

  /** One weight, for comparison with a dense matrix. */
  double weight(int m, int bin) {
    int k = bin - first[m];
    return k < 0 || k >= weights[m].length ? 0 : weights[m][k];
  }

  private static double[] edges(int mels, double low, double high, DoubleUnaryOperator toUnit) {
    double[] edge = new double[mels + 2];
    for (int i = 0; i < edge.length; i++) {
      edge[i] = toUnit.applyAsDouble(low + (high - low) * i / (mels + 1));
    }
    return edge;
  }

  private static double kaldiMel(double hz) {
    return 1127 * Math.log1p(hz / 700);
  }

  static double slaneyMel(double hz) {
    return hz < 1000 ? hz * 3 / 200 : 15 + Math.log(hz / 1000) / (Math.log(6.4) / 27);
  }

  private static double slaneyHz(double mel) {
    return mel < 15 ? mel * 200 / 3 : 1000 * Math.exp(Math.log(6.4) / 27 * (mel - 15));
  }
}
