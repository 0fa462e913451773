package dev.flowtraining.trainer.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The config, and whether it fits the memory. */
final class ConfigRows {

  private ConfigRows() {}

  static List<Row> of(String preset, Path file, StageOptions options) {
    List<Row> rows = new ArrayList<>();
    DiskSize limit = new DiskSize(MachineRows.memoryLimit());
    try {
      FlowConfig config = ConfigLoader.load(preset, file);
      MemoryEstimate estimate = MemoryEstimate.of(config);
      rows.add(Row.ok("config", (preset == null && file != null ? "" : "preset " + (preset == null ? "production" : preset))
          + (file == null ? "" : (preset == null ? "" : " + ") + file)
          + ", %,d parameters".formatted(estimate.parameters())));
      rows.add(memory(estimate, limit));
    } catch (StageFailure e) {
      rows.add(Row.failed("config", "", e));
      rows.add(Row.ok("memory", limit.toString()));
    }
    if (options.engine().equals("deepspeed")) {
      rows.add(deepspeed(options.deepspeedConfig()));
    }
    return rows;
  }

  private static Row memory(MemoryEstimate estimate, DiskSize limit) {
    String value = limit + ", training takes about " + new DiskSize(estimate.bytes());
    return estimate.bytes() <= limit.bytes() ? Row.ok("memory", value) : Row.warn("memory", value,
        "on the CPU give the training container more memory, or lower dataset_conf.max_frames_in_batch");
  }

  private static Row deepspeed(Path file) {
    String what = "deepspeed config";
    if (file == null || !Files.isReadable(file)) {
      return Row.missing(what, file == null ? "not given" : file + " is not there",
          "give a ds_stage2.json (--deepspeed-config, spec.training.deepspeedConfig)", "ConfigNotFound");
    }
    try {
      new ObjectMapper().readTree(file.toFile());
      return Row.ok(what, file.toString());
    } catch (IOException e) {
      return Row.failed(what, "", new StageFailure(ExitCode.USAGE, "InvalidConfig",
          file + " is not JSON: " + e.getMessage().lines().findFirst().orElse(""), e));
    }
  }
}
