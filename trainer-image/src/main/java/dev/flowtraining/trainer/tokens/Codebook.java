package dev.flowtraining.trainer.tokens;

/**
 * Nearest-centroid quantiser.
 *
 * @param scale what each dimension is multiplied with first
 * @param centroids codes × dimensions, row-major, of scaled features
 */
record Codebook(float[] scale, float[] centroids) {

  int dimensions() {
    return scale.length;
  }

  int codes() {
    return centroids.length / scale.length;
  }

  /**
   * @param features frames × dimensions
   * @return the code of each frame; of equally near ones the lowest
   */
  int[] encode(float[] features) {
    float[] scaled = features.clone();
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] *= scale[i % scale.length];
    }
    return new NearestCentroid(centroids, dimensions()).of(scaled);
  }
}
