package dev.flowtraining.trainer.train;

import java.util.Set;

/**
 * DeepSpeed's schedulers (its {@code runtime/lr_schedules.py}). They step after the optimizer does, so that optimizer
 * step n goes by the scheduler's iteration n−1, and the first one by the rate before any.
 */
final class DeepSpeedRate {
  private static final String PARAMS = "scheduler.params";

  /** How the rate rises within the warm-up: a share of the way from 0 to 1. */
  enum Rise {
    LOG {
      @Override
      double share(long iteration, long steps) {
        return Math.log(iteration + 1) / Math.log(steps);
      }
    },
    LINEAR {
      @Override
      double share(long iteration, long steps) {
        return (double) iteration / steps;
      }
    };

    abstract double share(long iteration, long steps);
  }

  private DeepSpeedRate() {}

  /** @param base {@code optimizer.params.lr} */
  static LearningRate of(DeepSpeedFile file, double base) {
    file.only("scheduler", Set.of("type", "params"));
    String type = file.word("scheduler.type", "");
    return switch (type) {
      case "WarmupLR" -> {
        file.only(PARAMS, Set.of("warmup_min_lr", "warmup_max_lr", "warmup_num_steps", "warmup_type"));
        yield new Warmup(low(file), high(file), warmup(file), rise(file), 0);
      }
      case "WarmupDecayLR" -> {
        file.only(PARAMS,
            Set.of("warmup_min_lr", "warmup_max_lr", "warmup_num_steps", "warmup_type", "total_num_steps"));
        yield new Warmup(low(file), high(file), warmup(file), rise(file), total(file));
      }
      case "WarmupCosineLR" -> {
        file.only(PARAMS,
            Set.of("warmup_min_ratio", "warmup_num_steps", "cos_min_ratio", "warmup_type", "total_num_steps"));
        yield new Cosine(base, ratio(file, "warmup_min_ratio", 0), ratio(file, "cos_min_ratio", 1e-4), warmup(file),
            rise(file), total(file));
      }
      default -> throw file.invalid("scheduler.type \"" + type
          + "\" is not one of WarmupLR, WarmupDecayLR, WarmupCosineLR; train_conf.scheduler has more");
    };
  }

  /** @param total steps until the rate is 0; 0 when it stays high */
  record Warmup(double low, double high, long warmup, Rise rise, long total) implements LearningRate {
    @Override
    public double at(long stepsDone) {
      long iteration = stepsDone - 1;
      if (iteration < 0) {
        return low;
      }
      double share = iteration < warmup ? rise.share(iteration, warmup)
          : total == 0 ? 1 : Math.max(0, (double) (total - iteration) / Math.max(1, total - warmup));
      return low + (high - low) * share;
    }
  }

  record Cosine(double base, double warmupLow, double low, long warmup, Rise rise, long total)
      implements LearningRate {
    @Override
    public double at(long stepsDone) {
      long iteration = stepsDone - 1;
      if (iteration < 0) {
        return 0;
      }
      if (iteration < warmup) {
        return base * (warmupLow + (1 - warmupLow) * rise.share(iteration, warmup));
      }
      double way = Math.min(1, (double) (iteration - warmup + 1) / Math.max(1, total - warmup));
      return base * (low + (1 - low) * (1 + Math.cos(Math.PI * way)) / 2);
    }
  }

  private static double low(DeepSpeedFile file) {
    double low = file.number(PARAMS + ".warmup_min_lr", null, 0);
    if (low < 0) {
      throw file.invalid(PARAMS + ".warmup_min_lr has to be at least 0, not " + low);
    }
    return low;
  }

  private static double high(DeepSpeedFile file) {
    String key = PARAMS + ".warmup_max_lr";
    if (!file.has(key)) {
      throw file.invalid(key + " has to be given: what stands for it differs between DeepSpeed's versions");
    }
    double high = file.number(key, null, 0);
    if (high <= 0 || high > 1) {
      throw file.invalid(key + " has to be above 0 and at most 1, not " + high);
    }
    return high;
  }

  private static double ratio(DeepSpeedFile file, String name, double otherwise) {
    double ratio = file.number(PARAMS + "." + name, null, otherwise);
    if (ratio < 0 || ratio > 1) {
      throw file.invalid(PARAMS + "." + name + " has to be between 0 and 1, not " + ratio);
    }
    return ratio;
  }

  private static long warmup(DeepSpeedFile file) {
    return Math.max(2, file.within(PARAMS + ".warmup_num_steps", 1, Integer.MAX_VALUE, 1000));
  }

  private static long total(DeepSpeedFile file) {
    String key = PARAMS + ".total_num_steps";
    if (!file.has(key)) {
      throw file.invalid(key + " has to be given");
    }
    long total = file.within(key, 1, 1_000_000_000, 0);
    if (total < warmup(file)) {
      throw file.invalid(key + " has to be at least warmup_num_steps (" + warmup(file) + "), not " + total);
    }
    return total;
  }

  private static Rise rise(DeepSpeedFile file) {
    String word = file.word(PARAMS + ".warmup_type", "log");
    return switch (word) {
      case "log" -> Rise.LOG;
      case "linear" -> Rise.LINEAR;
      default -> throw file.invalid(PARAMS + ".warmup_type has to be log or linear, not " + word);
    };
  }
}
