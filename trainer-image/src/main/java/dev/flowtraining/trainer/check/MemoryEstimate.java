package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.model.FlowModelParameters;
import dev.flowtraining.trainer.model.ParameterSpec;

/**
 * Roughly what a rank's training takes in float32: weights, gradients and two Adam moments; activations by a count of
 * the values that backward keeps.
 *
 * @param activations bytes
 */
record MemoryEstimate(long parameters, long activations) {
  private static final int BYTES_PER_PARAMETER = 4 * (1 + 1 + 2);
  /** Saved vectors of hidden width per frame in a DiT block: projections, norms, gates, the convolution's layers. */
  private static final int KEPT_BY_A_BLOCK = 30;
  /** The same for a block of the encoder. */
  private static final int KEPT_BY_AN_ENCODER_BLOCK = 20;

  static MemoryEstimate of(FlowConfig config) {
    ModelConfig m = config.model();
    long parameters = FlowModelParameters.of(m).stream().mapToLong(ParameterSpec::elements).sum();
    double frames = config.datasetConf().maxFramesInBatch();
    ModelConfig.Estimator d = m.estimator();
    ModelConfig.Encoder e = m.encoder();
    double dit = frames * d.depth() * d.hiddenSize() * (KEPT_BY_A_BLOCK + 4 * d.mlpRatio());
    double up = frames * e.numUpBlocks() * (KEPT_BY_AN_ENCODER_BLOCK * e.outputSize() + 4.0 * e.linearUnits());
    double down = frames / 2 * e.numBlocks() * (KEPT_BY_AN_ENCODER_BLOCK * e.outputSize() + 4.0 * e.linearUnits());
    return new MemoryEstimate(parameters, (long) (4 * (dit + up + down)));
  }

  long bytes() {
    return BYTES_PER_PARAMETER * parameters + activations;
  }
}
