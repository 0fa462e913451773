package dev.flowtraining.trainer;

import dev.flowtraining.trainer.inspect.Inspection;
import java.io.PrintStream;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code flow-trainer inspect FILE [OTHER]}. */
@Command(name = "flow-trainer inspect", usageHelpAutoWidth = true, mixinStandardHelpOptions = true,
    versionProvider = CommandLineOptions.Version.class,
    description = "Lists the tensors of a checkpoint, or how two checkpoints differ.",
    footer = {"", "Exit codes: 0 read, 66 a file cannot be read."})
final class InspectCommand implements PrintingCommand {
  static final String NAME = "inspect";

  @Parameters(index = "0", paramLabel = "FILE", description = "a .pt or .safetensors file")
  Path file;

  @Parameters(index = "1", paramLabel = "OTHER", arity = "0..1", description = "list only what differs from this one")
  Path other;

  @Override
  public void run(PrintStream out) {
    Inspection inspection = new Inspection(file);
    if (other == null) {
      inspection.list(out);
    } else {
      inspection.compare(other, out);
    }
  }
}
