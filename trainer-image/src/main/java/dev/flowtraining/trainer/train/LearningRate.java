package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.FlowConfig;

/** The rate of an optimizer step. */
public interface LearningRate {

  /** @param stepsDone optimizer steps done before this one */
  double at(long stepsDone);

  static LearningRate of(FlowConfig.Train train) {
    return of(train.scheduler(), train.optimConf().lr(), train.schedulerConf());
  }

  static LearningRate of(String scheduler, double base, FlowConfig.Scheduler conf) {
    return switch (scheduler) {
      case "warmuplr" -> new Warmup(base, conf.warmupSteps());
      case "constantlr" -> new Constant(base);
      case "NoamHoldAnnealing" ->
          new NoamHold(base, conf.warmupSteps(), conf.holdSteps(), conf.maxSteps(), conf.minLr());
      case "cosine" -> new Cosine(base, conf.warmupSteps(), conf.maxSteps(), conf.minLr());
      default -> throw new StageFailure(ExitCode.USAGE, "InvalidConfig", "train_conf.scheduler: '" + scheduler
          + "' is not one of warmuplr, constantlr, NoamHoldAnnealing, cosine");
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

  /**
   * NeMo's, from Squeezeformer (arXiv 2206.00888): linear up to the base rate, which it holds, then
   * {@code base·√(warmup / (n − hold))}, never below {@code min}; n = steps done.
   */
  record NoamHold(double base, long warmup, long hold, long max, double min) implements LearningRate {
    @Override
    public double at(long stepsDone) {
      if (stepsDone <= warmup) {
        return base * (stepsDone + 1) / (warmup + 1);
      }
      if (hold > 0 && stepsDone <= warmup + hold) {
        return base;
      }
      return stepsDone > max ? min : Math.max(min, base * Math.sqrt((double) warmup / (stepsDone - hold)));
    }
  }

  /** Linear up to the base rate, then half a cosine down to {@code min} at step {@code max}, and {@code min} from there. */
  record Cosine(double base, long warmup, long max, double min) implements LearningRate {
    @Override
    public double at(long stepsDone) {
      if (stepsDone < warmup) {
        return base * (stepsDone + 1) / warmup;
      }
      double way = Math.min(1, (double) (stepsDone - warmup) / (max - warmup));
      return min + (base - min) * (1 + Math.cos(Math.PI * way)) / 2;
    }
  }
}
