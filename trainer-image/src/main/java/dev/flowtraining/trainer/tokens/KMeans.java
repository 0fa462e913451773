package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.data.Workers;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * k-means: k-means++ seeding, then Lloyd's iterations. The result depends on points, k, iterations and seed only:
 * sums are made in blocks of a fixed size and joined in order, whatever the number of threads.
 */
final class KMeans {
  private static final int BLOCK = 4096;

  private KMeans() {}

  /**
   * @param points n × dimensions, row-major
   * @return at most k centroids × dimensions; fewer when there are fewer distinct points
   */
  static float[] fit(float[] points, int dimensions, int k, int iterations, long seed, Workers workers)
      throws IOException, InterruptedException {
    float[] centroids = seed(points, dimensions, k, new Random(seed));
    int n = points.length / dimensions;
    int[] before = new int[0];
    for (int i = 0; i < iterations; i++) {
      NearestCentroid nearest = new NearestCentroid(centroids, dimensions);
      int[] codes = new int[n];
      double[] sums = new double[centroids.length];
      long[] counts = new long[centroids.length / dimensions];
      Iterable<Integer> blocks = IntStream.range(0, (n + BLOCK - 1) / BLOCK)::iterator;
      workers.map(blocks, b -> nearest.of(points, b * BLOCK, Math.min(n, (b + 1) * BLOCK)), (b, found) -> {
        System.arraycopy(found, 0, codes, b * BLOCK, found.length);
        for (int j = 0; j < found.length; j++) {
          counts[found[j]]++;
          for (int d = 0; d < dimensions; d++) {
            sums[found[j] * dimensions + d] += points[(b * BLOCK + j) * dimensions + d];
          }
        }
      });
      if (Arrays.equals(codes, before)) {
        break;
      }
      before = codes;
      for (int c = 0; c < sums.length; c++) {
        // a centroid that lost all its points stays where it was
        if (counts[c / dimensions] > 0) {
          centroids[c] = (float) (sums[c] / counts[c / dimensions]);
        }
      }
    }
    return centroids;
  }

  /** Each next centroid is a point drawn with probability proportional to its squared distance from those there are. */
  private static float[] seed(float[] points, int dimensions, int k, Random random) {
    int n = points.length / dimensions;
    float[][] byDimension = new float[dimensions][n];
    for (int i = 0; i < points.length; i++) {
      byDimension[i % dimensions][i / dimensions] = points[i];
    }
    float[] centroids = new float[k * dimensions];
    float[] least = new float[n];
    float[] scratch = new float[n];
    Arrays.fill(least, Float.POSITIVE_INFINITY);
    int chosen = random.nextInt(n);
    for (int c = 0; c < k; c++) {
      float[] centroid = Arrays.copyOfRange(points, chosen * dimensions, (chosen + 1) * dimensions);
      System.arraycopy(centroid, 0, centroids, c * dimensions, dimensions);
      NearestCentroid.lower(byDimension, centroid, least, scratch);
      double total = 0;
      for (float d : least) {
        total += d;
      }
      if (total == 0) {
        return Arrays.copyOf(centroids, (c + 1) * dimensions);
      }
      chosen = draw(least, random.nextDouble() * total);
    }
    return centroids;
  }

  private static int draw(float[] weights, double at) {
    double sum = 0;
    int last = 0;
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        last = i;
        sum += weights[i];
        if (sum > at) {
          return i;
        }
      }
    }
    return last;
  }
}
