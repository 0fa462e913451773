package dev.flowtraining.trainer.tokens;

import java.util.Arrays;

/** Finds nearest centroids (L2) of many points: argmin |c|²/2 − x·c, with the centroids side by side in memory. */
final class NearestCentroid {
  private final int dimensions;
  private final int codes;
  /** dimensions × codes: the inner loop runs over codes and is vectorised. */
  private final float[] transposed;
  private final float[] halfNorms;

  NearestCentroid(float[] centroids, int dimensions) {
    this.dimensions = dimensions;
    codes = centroids.length / dimensions;
    transposed = new float[centroids.length];
    halfNorms = new float[codes];
    for (int c = 0; c < codes; c++) {
      double norm = 0;
      for (int d = 0; d < dimensions; d++) {
        float v = centroids[c * dimensions + d];
        transposed[d * codes + c] = v;
        norm += (double) v * v;
      }
      halfNorms[c] = (float) (norm / 2);
    }
  }

  /** @param points n × dimensions */
  int[] of(float[] points) {
    return of(points, 0, points.length / dimensions);
  }

  int[] of(float[] points, int from, int to) {
    int[] nearest = new int[to - from];
    float[] score = new float[codes];
    for (int i = from; i < to; i++) {
      System.arraycopy(halfNorms, 0, score, 0, codes);
      for (int d = 0; d < dimensions; d++) {
        subtract(score, d * codes, points[i * dimensions + d]);
      }
      int best = 0;
      for (int c = 1; c < codes; c++) {
        if (score[c] < score[best]) {
          best = c;
        }
      }
      nearest[i - from] = best;
    }
    return nearest;
  }

  private void subtract(float[] score, int row, float x) {
    for (int c = 0; c < codes; c++) {
      score[c] -= x * transposed[row + c];
    }
  }

  /** Squared distances of n points, given dimension by dimension, to one point; the smaller of old and new is kept. */
  static void lower(float[][] byDimension, float[] point, float[] least, float[] scratch) {
    Arrays.fill(scratch, 0);
    for (int d = 0; d < point.length; d++) {
      float[] x = byDimension[d];
      float c = point[d];
      for (int i = 0; i < scratch.length; i++) {
        float difference = x[i] - c;
        scratch[i] += difference * difference;
      }
    }
    for (int i = 0; i < least.length; i++) {
      least[i] = Math.min(least[i], scratch[i]);
    }
  }
}
