package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.OwnSettings;
import dev.flowtraining.trainer.model.Frozen;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Pieces;
import dev.flowtraining.trainer.torch.Precision;
import java.io.IOException;
import java.util.Optional;

/**
 * What training goes by: the config, with a DeepSpeed file on top when the engine is {@code deepspeed}, and what only
 * such a file says.
 *
 * @param zero stage of ZeRO; 0 keeps everything on each rank
 * @param lossScaling used in float16 only
 * @param scheduler one of DeepSpeed's, in place of the config's
 */
public record Engine(FlowConfig config, int zero, Zero.Sizes buckets, LossScale.Rules lossScaling,
    Optional<LearningRate> scheduler) {

  /**
   * @param worldSize ranks, or 0 where their number is not known
   * @throws dev.flowtraining.trainer.StageFailure exit codes 2 and 66, see {@link DeepSpeedConfig}
   */
  public static Engine of(FlowConfig config, StageOptions options, int worldSize) throws IOException {
    return "deepspeed".equals(options.engine())
        ? new DeepSpeedConfig(DeepSpeedFile.read(options.deepspeedConfig()), worldSize).over(config)
        : new Engine(config, 0, new Zero.Sizes(Long.MAX_VALUE, Long.MAX_VALUE), LossScale.Rules.TORCH,
            Optional.empty());
  }

  /**
   * @param own what the user's config file sets itself
   * @throws dev.flowtraining.trainer.StageFailure 2, {@code InvalidConfig}, when a DeepSpeed file contradicts it
   */
  public static void demandAgreement(OwnSettings own, FlowConfig config, StageOptions options) throws IOException {
    if ("deepspeed".equals(options.engine())) {
      DeepSpeedFile file = DeepSpeedFile.read(options.deepspeedConfig());
      new DeepSpeedConfig(file, 0).over(config);
      file.demandAgreement(own);
    }
  }

  Parameters.Layout layout(Precision precision, int ranks) {
    return new Parameters.Layout(Frozen.names(config.model(), config.trainConf().freeze()), shards(ranks) ? ranks : 1,
        shards(ranks) && zero == 2 && precision.isHalf());
  }

  Exchange exchange(Parameters parameters, Collective collective) {
    return exchange(parameters, collective, exchangedBeside(parameters, collective)
        ? Pieces.of(parameters) : Pieces.whole(parameters));
  }

  Exchange exchange(Parameters parameters, Collective collective, Pieces pieces) {
    return shards(collective.worldSize()) ? new Zero(parameters, collective, buckets, pieces)
        : new Replicated(parameters, collective, pieces);
  }

  /** A single rank has nobody to share with. */
  private boolean shards(int ranks) {
    return zero > 0 && ranks > 1;
  }

  /** Between GPUs; on CPUs threads that compute and threads that send would take each other's time. */
  private static boolean exchangedBeside(Parameters parameters, Collective collective) {
    return parameters.device().isGpu() && collective.worldSize() > 1;
  }

  LearningRate learningRate() {
    return scheduler.orElseGet(() -> LearningRate.of(config.trainConf()));
  }
}
