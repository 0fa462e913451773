package dev.flowtraining.trainer;

import dev.flowtraining.trainer.bench.Bench;
import java.io.PrintStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code flow-trainer bench}. */
@Command(name = "flow-trainer bench", usageHelpAutoWidth = true, mixinStandardHelpOptions = true,
    versionProvider = CommandLineOptions.Version.class,
    description = "Times forward, backward, clipping and Adam of the flow model on synthetic batches and prints one JSON"
        + " line. Several ranks are as many processes with WORLD_SIZE, RANK, LOCAL_RANK and MASTER_PORT, as in training.")
final class BenchCommand implements PrintingCommand {
  static final String NAME = "bench";

  @Mixin
  private final Bench bench = new Bench();

  @Override
  public void run(PrintStream out) {
    bench.run(out);
  }
}
