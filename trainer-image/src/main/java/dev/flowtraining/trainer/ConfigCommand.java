package dev.flowtraining.trainer;

import dev.flowtraining.trainer.config.ConfigImport;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code flow-trainer config import FILE}. */
@Command(name = "flow-trainer config", usageHelpAutoWidth = true, mixinStandardHelpOptions = true,
    versionProvider = CommandLineOptions.Version.class,
    description = "Turns CosyVoice's YAML into settings of this trainer, and tells what of it was kept, what was ignored"
        + " and what has no counterpart: as comments at the end of the settings, or with --out on the terminal.",
    footer = {"", "Exit codes: 0 imported, 2 the file is not such YAML, 66 it cannot be read."})
final class ConfigCommand implements PrintingCommand {
  static final String NAME = "config";

  @Parameters(index = "0", paramLabel = "import", description = "the only thing to do with a config")
  String verb;

  @Parameters(index = "1", paramLabel = "FILE", description = "such as cosyvoice2.yaml")
  Path file;

  @Option(names = "--out", paramLabel = "FILE", description = "where the settings go; otherwise to standard output")
  Path out;

  @Override
  public void run(PrintStream to) {
    if (!verb.equals("import")) {
      throw new StageFailure(ExitCode.USAGE, "Usage", "config " + verb + " is not understood; flow-trainer config import"
          + " FILE [--out FILE]");
    }
    ConfigImport imported = ConfigImport.of(file);
    if (out == null) {
      to.print(imported.yaml());
      to.print(imported.report().lines().map(l -> l.isEmpty() ? "#\n" : "# " + l + "\n").reduce("\n", String::concat));
      return;
    }
    try {
      WholeFile.text(out, imported.yaml());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    to.print(imported.report());
  }
}
