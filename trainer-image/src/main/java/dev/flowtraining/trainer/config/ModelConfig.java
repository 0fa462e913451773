package dev.flowtraining.trainer.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;

/** Sizes of the flow model, under the names of the released {@code cosyvoice.yaml}. */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record ModelConfig(
    int vocabSize,
    int inputSize,
    // Mel bins.
    int outputSize,
    int spkEmbedDim,
    Encoder encoder,
    Estimator estimator,
    // Strength of classifier-free guidance in inference.
    double inferenceCfgRate) {

  /** The upsampling conformer encoder. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Encoder(
      int inputSize,
      int outputSize,
      String inputLayer,
      int preLookaheadLen,
      int numBlocks,
      int numUpBlocks,
      int upStride,
      int upScaleFactor,
      int attentionHeads,
      String posEncLayerType,
      String selfattentionLayerType,
      boolean keyBias,
      int linearUnits,
      double dropoutRate,
      double positionalDropoutRate,
      double attentionDropoutRate,
      boolean normalizeBefore) {}

  /** The DiT. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Estimator(
      int inChannels, int outChannels, double mlpRatio, int depth, int numHeads, int headDim, int hiddenSize) {}
}
