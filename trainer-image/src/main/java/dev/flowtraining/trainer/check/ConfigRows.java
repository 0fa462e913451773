package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.OwnSettings;
import dev.flowtraining.trainer.train.Engine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The config, and whether it fits the memory.
 *
 * @param checkpoints bytes that those which training keeps and the one that is being written take; 0 when the config
 *     cannot be read
 */
record ConfigRows(List<Row> rows, DiskSize checkpoints) {
  /** Weights and two moments in float32. */
  private static final int BYTES_PER_PARAMETER = 12;
  private static final int BYTES_OF_WEIGHTS = 4;

  static ConfigRows of(String preset, Path file, StageOptions options) {
    List<Row> rows = new ArrayList<>();
    DiskSize limit = new DiskSize(MachineRows.memoryLimit());
    FlowConfig config;
    try {
      config = ConfigLoader.load(preset, file);
    } catch (StageFailure e) {
      rows.add(Row.failed("config", "", e));
      rows.add(Row.ok("memory", limit.toString()));
      return new ConfigRows(rows, new DiskSize(0));
    }
    MemoryEstimate estimate = MemoryEstimate.of(config);
    String from = preset != null ? "preset " + preset + (file == null ? "" : " + " + file)
        : file != null ? file.toString() : "preset production";
    rows.add(Row.ok("config", from + ", %,d parameters".formatted(estimate.parameters())));
    rows.add(memory(estimate, limit));
    if (options.engine().equals("deepspeed")) {
      rows.add(deepspeed(config, ConfigLoader.own(file), options));
    }
    FlowConfig.Train train = config.trainConf();
    rows.add(switch (options.averageBy()) {
      case "valBest" -> averaging(options.averageNum(), "keep_best", train.keepBest());
      case "ema" -> train.emaDecay() > 0 ? Row.ok("averaging", "moving average, decay " + train.emaDecay())
          : Row.warn("averaging", "ema, but train_conf.ema_decay is 0", "set train_conf.ema_decay, such as 0.9999");
      default -> averaging(options.averageNum(), "keep_last", train.keepLast());
    });
    long whole = BYTES_PER_PARAMETER + (train.emaDecay() > 0 ? BYTES_OF_WEIGHTS : 0);
    return new ConfigRows(rows, new DiskSize(
        ((train.keepLast() + 1L) * whole + (long) train.keepBest() * BYTES_OF_WEIGHTS) * estimate.parameters()));
  }

  private static Row memory(MemoryEstimate estimate, DiskSize limit) {
    String value = limit + ", training takes about " + new DiskSize(estimate.bytes());
    return estimate.bytes() <= limit.bytes() ? Row.ok("memory", value) : Row.warn("memory", value,
        "on the CPU give the training container more memory, or lower dataset_conf.max_frames_in_batch");
  }

  private static Row deepspeed(FlowConfig config, OwnSettings own, StageOptions options) {
    try {
      Engine.demandAgreement(own, config, options);
      return Row.ok("deepspeed config", options.deepspeedConfig().toString());
    } catch (StageFailure e) {
      return Row.failed("deepspeed config", "", e);
    } catch (IOException e) {
      return Row.missing("deepspeed config", options.deepspeedConfig() + " cannot be read: " + e,
          "check its volume and permissions", "ConfigNotFound");
    }
  }

  private static Row averaging(int num, String setting, int kept) {
    return num <= kept ? Row.ok("averaging", num + " checkpoints")
        : Row.warn("averaging", num + " checkpoints, train_conf." + setting + " keeps " + kept,
            "raise train_conf." + setting + ", or lower --num (spec.averaging.num)");
  }
}
