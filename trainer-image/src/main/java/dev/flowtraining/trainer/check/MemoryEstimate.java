package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.model.FlowModelParameters;
import dev.flowtraining.trainer.model.ParameterSpec;

/**
 * Roughly what a rank's training takes in float32: weights, gradients, two Adam moments and perhaps a moving average;
 * activations by a count of the values that backward keeps.
 *
 * @param activations bytes
 */
record MemoryEstimate(long parameters, int bytesPerParameter, long activations) {
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
    boolean recomputed = config.trainConf().activationCheckpointing();
    double ditBlock = d.hiddenSize() * (KEPT_BY_A_BLOCK + 4 * d.mlpRatio());
    double encoderBlock = KEPT_BY_AN_ENCODER_BLOCK * e.outputSize() + 4.0 * e.linearUnits();
    double dit = frames * kept(d.depth(), d.hiddenSize(), ditBlock, recomputed);
    double up = frames * kept(e.numUpBlocks(), e.outputSize(), encoderBlock, recomputed);
    double down = frames / 2 * kept(e.numBlocks(), e.outputSize(), encoderBlock, recomputed);
    int copies = config.trainConf().emaDecay() > 0 ? 5 : 4;
    return new MemoryEstimate(parameters, Float.BYTES * copies, (long) (Float.BYTES * (dit + up + down)));
  }

  /** Values per frame of so many blocks: all of each, or the inputs of all and the rest of one. */
  private static double kept(int blocks, int width, double ofBlock, boolean recomputed) {
    return recomputed ? (double) blocks * width + ofBlock : blocks * ofBlock;
  }

  long bytes() {
    return bytesPerParameter * parameters + activations;
  }
}
