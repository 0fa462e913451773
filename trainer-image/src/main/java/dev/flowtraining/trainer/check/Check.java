package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Stage −1: what the machine has and the run needs, as a table, before anything is spent. */
public final class Check {
  private final RunLayout layout;
  private final String preset;
  private final Path configFile;
  private final StageOptions options;
  private final DiskSize minFreeDisk;
  private final boolean nccl;
  private final Map<String, String> env;

  /**
   * @param minFreeDisk such as {@code 10Gi}
   * @param nccl whether the exchange between ranks is measured
   */
  public Check(RunLayout layout, String preset, Path configFile, StageOptions options, String minFreeDisk,
      boolean nccl, Map<String, String> env) {
    this.layout = layout;
    this.preset = preset;
    this.configFile = configFile;
    this.options = options;
    this.minFreeDisk = DiskSize.of(minFreeDisk);
    this.nccl = nccl;
    this.env = env;
  }

  /** @throws StageFailure with exit code and reason of the first row that misses something */
  public void run(PrintStream out) {
    report(rows(), out);
  }

  /** Prints the table and, when something is missing, ends with the first that is. */
  static void report(List<Row> rows, PrintStream out) {
    print(rows, out);
    List<Row> missing = rows.stream().filter(r -> r.state() == Row.State.MISSING).toList();
    if (!missing.isEmpty()) {
      Row first = missing.getFirst();
      throw new StageFailure(first.exitCode(), first.reason(), first.what() + ": " + first.value()
          + (first.todo().isEmpty() ? "" : "; " + first.todo())
          + (missing.size() == 1 ? "" : " (and " + (missing.size() - 1) + " more: "
              + String.join(", ", missing.stream().skip(1).map(Row::what).toList()) + ")"));
    }
  }

  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    rows.add(MachineRows.jdk());
    rows.add(MachineRows.natives());
    rows.addAll(MachineRows.gpus(options.device(), env));
    if (nccl) {
      rows.add(ExchangeRow.of(options.device(), env));
    }
    ConfigRows config = ConfigRows.of(preset, configFile, options);
    rows.addAll(config.rows());
    rows.add(VolumeRows.writable(layout.root()));
    rows.add(VolumeRows.disk(layout, minFreeDisk, config.checkpoints()));
    rows.addAll(VolumeRows.data(options));
    rows.addAll(ModelRows.of(options, layout));
    return rows;
  }

  private static void print(List<Row> rows, PrintStream out) {
    int what = rows.stream().mapToInt(r -> r.what().length()).max().orElse(0);
    int value = Math.min(60, rows.stream().mapToInt(r -> r.value().length()).max().orElse(0));
    String line = "%-" + what + "s  %-7s  %-" + value + "s  %s";
    out.println(line.formatted("", "", "found", "to do").stripTrailing());
    for (Row r : rows) {
      out.println(line.formatted(r.what(), r.state().word, r.value(), r.todo()).stripTrailing());
    }
  }
}
