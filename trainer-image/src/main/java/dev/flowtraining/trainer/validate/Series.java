package dev.flowtraining.trainer.validate;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Numbers as they come: four bytes each. */
final class Series {
  private float[] values = new float[64];
  private int size;
  private double sum;
  private float[] sorted;

  void add(double value) {
    if (size == values.length) {
      values = Arrays.copyOf(values, 2 * size);
    }
    values[size++] = (float) value;
    sum += value;
    sorted = null;
  }

  int size() {
    return size;
  }

  float get(int i) {
    return values[i];
  }

  double sum() {
    return sum;
  }

  /** The value under which a part of all lie; 0 and 1 are the extremes. NaN when there is none. */
  double quantile(double part) {
    if (size == 0) {
      return Double.NaN;
    }
    if (sorted == null) {
      sorted = Arrays.copyOf(values, size);
      Arrays.sort(sorted);
    }
    return sorted[(int) Math.round(part * (size - 1))];
  }

  Map<String, Object> summary() {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("min", rounded(quantile(0)));
    summary.put("p5", rounded(quantile(0.05)));
    summary.put("median", rounded(quantile(0.5)));
    summary.put("mean", rounded(size == 0 ? Double.NaN : sum / size));
    summary.put("p95", rounded(quantile(0.95)));
    summary.put("max", rounded(quantile(1)));
    return summary;
  }

  /** Three decimals; null, which JSON has a word for, when it is no number. */
  static Double rounded(double value) {
    return Double.isFinite(value) ? Math.round(value * 1000) / 1000.0 : null;
  }
}
