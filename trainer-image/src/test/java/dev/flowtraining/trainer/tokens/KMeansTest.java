package dev.flowtraining.trainer.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.data.Workers;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KMeansTest {

  @Test
  void findsTheClusters() throws Exception {
    Random random = new Random(3);
    float[] points = new float[9000 * 2];
    for (int i = 0; i < 9000; i++) {
      points[2 * i] = i % 3 * 10 + (float) random.nextGaussian();
      points[2 * i + 1] = i % 3 == 1 ? 20 : 0 + (float) random.nextGaussian();
    }
    float[] centroids = fit(points, 2, 3, 20, 100);
    int[] codes = new NearestCentroid(centroids, 2).of(points);
    for (int i = 0; i < 9000; i++) {
      assertThat(codes[i]).isEqualTo(codes[i % 3]);
    }
    // the same with one thread: block sums are joined in order
    assertThat(fit(points, 2, 3, 20, 1)).isEqualTo(centroids);
  }

  @Test
  void iterationsLowerTheError() throws Exception {
    Random random = new Random(4);
    float[] points = new float[20_000 * 5];
    for (int i = 0; i < points.length; i++) {
      points[i] = (float) random.nextGaussian();
    }
    assertThat(error(points, fit(points, 5, 32, 10, 2))).isLessThan(error(points, fit(points, 5, 32, 0, 2)) * 0.95);
  }

  @Test
  void fewerDistinctPointsThanCodes() throws Exception {
    float[] points = {1, 2, 1, 2, 1, 2, 3};
    assertThat(fit(points, 1, 5, 4, 2)).containsExactlyInAnyOrder(1, 2, 3);
  }

  @Test
  void nearestIsNearest() {
    Random random = new Random(5);
    float[] centroids = new float[70 * 3];
    float[] points = new float[500 * 3];
    for (int i = 0; i < points.length; i++) {
      points[i] = random.nextFloat();
      if (i < centroids.length) {
        centroids[i] = random.nextFloat();
      }
    }
    int[] codes = new NearestCentroid(centroids, 3).of(points);
    for (int i = 0; i < 500; i++) {
      double best = Double.MAX_VALUE;
      for (int c = 0; c < 70; c++) {
        best = Math.min(best, distance(points, i, centroids, c, 3));
      }
      assertThat(distance(points, i, centroids, codes[i], 3)).isLessThanOrEqualTo(best + 1e-6);
    }
  }

  private static float[] fit(float[] points, int dimensions, int k, int iterations, int threads) throws Exception {
    try (Workers workers = Workers.start(threads)) {
      return KMeans.fit(points, dimensions, k, iterations, 1, workers);
    }
  }

  private static double error(float[] points, float[] centroids) {
    int[] codes = new NearestCentroid(centroids, 5).of(points);
    double sum = 0;
    for (int i = 0; i < codes.length; i++) {
      sum += distance(points, i, centroids, codes[i], 5);
    }
    return sum;
  }

  private static double distance(float[] a, int i, float[] b, int j, int dimensions) {
    double sum = 0;
    for (int d = 0; d < dimensions; d++) {
      sum += Math.pow(a[i * dimensions + d] - b[j * dimensions + d], 2);
    }
    return sum;
  }
}
