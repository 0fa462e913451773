package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.Workers;
import dev.flowtraining.trainer.torch.SafeTensors;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDict.DType;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The dual-codebook tokenizer that needs no model: k-means on {@link AcousticFeatures}, fitted on the training set.
 * Stored as safetensors: {@code vq02.scale}, {@code vq02.centroids}, {@code vq06.scale}, {@code vq06.centroids}.
 */
record BuiltinTokenizer(Codebook vq02, Codebook vq06) implements SpeechTokenizer {
  private static final long SEED = 1986;

  @Override
  public long[] tokens(float[] samples) {
    AcousticFeatures features = AcousticFeatures.of(samples);
    return DualCodebook.interleave(vq02.encode(features.vq02()), vq06.encode(features.vq06()));
  }

  @Override
  public int vq02Codes() {
    return vq02.codes();
  }

  @Override
  public int vq06Codes() {
    return vq06.codes();
  }

  /** Fits both codebooks on the features of some recordings. */
  static BuiltinTokenizer fit(List<AcousticFeatures> recordings, FlowConfig.Tokenizer config, Workers workers)
      throws IOException, InterruptedException {
    float[] vq02 = concatenate(recordings.stream().map(AcousticFeatures::vq02).toList());
    float[] vq06 = concatenate(recordings.stream().map(AcousticFeatures::vq06).toList());
    // vq02 looks at the shape: every coefficient counts the same. vq06 is left as it is, so that its error is mel error
    float[] even = inverseDeviation(vq02, AcousticFeatures.VQ02_DIMENSIONS);
    float[] asItIs = new float[AcousticFeatures.VQ06_DIMENSIONS];
    Arrays.fill(asItIs, 1);
    return new BuiltinTokenizer(codebook(vq02, even, config.vq02Codes(), config.iterations(), workers),
        codebook(vq06, asItIs, config.vq06Codes(), config.iterations(), workers));
  }

  private static Codebook codebook(float[] points, float[] scale, int codes, int iterations, Workers workers)
      throws IOException, InterruptedException {
    for (int i = 0; i < points.length; i++) {
      points[i] *= scale[i % scale.length];
    }
    return new Codebook(scale, KMeans.fit(points, scale.length, codes, iterations, SEED, workers));
  }

  private static float[] inverseDeviation(float[] points, int dimensions) {
    double[] sum = new double[dimensions];
    double[] squares = new double[dimensions];
    for (int i = 0; i < points.length; i++) {
      sum[i % dimensions] += points[i];
      squares[i % dimensions] += (double) points[i] * points[i];
    }
    int n = points.length / dimensions;
    float[] scale = new float[dimensions];
    for (int d = 0; d < dimensions; d++) {
      double variance = squares[d] / n - sum[d] / n * (sum[d] / n);
      scale[d] = variance > 1e-12 ? (float) (1 / Math.sqrt(variance)) : 1;
    }
    return scale;
  }

  private static float[] concatenate(List<float[]> parts) {
    float[] all = new float[parts.stream().mapToInt(p -> p.length).sum()];
    int at = 0;
    for (float[] p : parts) {
      System.arraycopy(p, 0, all, at, p.length);
      at += p.length;
    }
    return all;
  }

  void write(Path file) throws IOException {
    LinkedHashMap<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("vq02.scale", tensor(vq02.scale(), vq02.dimensions()));
    tensors.put("vq02.centroids", tensor(vq02.centroids(), vq02.codes(), vq02.dimensions()));
    tensors.put("vq06.scale", tensor(vq06.scale(), vq06.dimensions()));
    tensors.put("vq06.centroids", tensor(vq06.centroids(), vq06.codes(), vq06.dimensions()));
    SafeTensors.write(file, new StateDict(tensors), Map.of("tokenizer", "builtin"));
  }

  static BuiltinTokenizer read(Path file) {
    Map<String, Tensor> t = SafeTensors.read(file).tensors();
    return new BuiltinTokenizer(new Codebook(floats(t.get("vq02.scale")), floats(t.get("vq02.centroids"))),
        new Codebook(floats(t.get("vq06.scale")), floats(t.get("vq06.centroids"))));
  }

  private static Tensor tensor(float[] values, long... shape) {
    ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return new Tensor(DType.FLOAT32, shape, data);
  }

  private static float[] floats(Tensor tensor) {
    float[] values = new float[(int) tensor.elements()];
    tensor.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }
}
