package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.FlowConfig;

/** The rate of an optimizer step. */
public sealed interface LearningRate {

  /** @param stepsDone optimizer steps done before this one */
  double at(long stepsDone);

  static LearningRate of(FlowConfig.Train train) {
    return of(train.scheduler(), train.optimConf().lr(), train.schedulerConf().warmupSteps());
  }

  static LearningRate of(String scheduler, double base, int warmupSteps) {
    return switch (scheduler) {
      case "warmuplr" -> new Warmup(base, warmupSteps);
      case "constantlr" -> new Constant(base);
      default -> throw new StageFailure(ExitCode.USAGE, "InvalidConfig",
          "train_conf.scheduler: '" + scheduler + "' is not one of warmuplr, constantlr");
    };
  }

  record Constant(double base) implements LearningRate {
    @Override
    public double at(long stepsDone) {
      return base;
    }
  }

  /** ESPnet's WarmupLR: linear up to the base rate at step {@code warmup}, then falling with 1/√n. */
  record Warmup(double base, long warmup) implements LearningRate {
    @Override
    public double at(long stepsDone) {
      double n = stepsDone + 1;
      return warmup == 0
          ? base * Math.pow(n, -0.5)
          : base * Math.sqrt(warmup) * Math.min(Math.pow(n, -0.5), n * Math.pow(warmup, -1.5));
    }
  }
}
