package dev.flowtraining.trainer;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code flow-trainer clean}: what is left to do on a volume when a FlowTraining is deleted. */
@Command(name = "flow-trainer clean", usageHelpAutoWidth = true, mixinStandardHelpOptions = true,
    versionProvider = CommandLineOptions.Version.class,
    description = "Removes the run directory of a FlowTraining that is deleted (FLOWTRAINING_NAMESPACE, FLOWTRAINING_NAME"
        + " and FLOWTRAINING_RUN_ID name it), and entries of a cache that no run uses any more.",
    footer = {"", "Exit codes: 0 removed, or nothing there; 66 it belongs to another FlowTraining, 75 it is in use."})
final class CleanCommand implements PrintingCommand {
  static final String NAME = "clean";

  @Option(names = "--run-dir", paramLabel = "DIR", description = "the run directory; without it only the cache is swept")
  Path runDir;

  @Option(names = "--keep-artifacts", description = "what the stage export made stays")
  boolean keepArtifacts;

  @Option(names = "--cache", paramLabel = "DIR", description = "as the stages were given it")
  Path cache;

  @Override
  public void run(PrintStream out) {
    Map<String, String> env = System.getenv();
    Progress lines = new Progress() {
      @Override
      public void update(Stage stage, double fraction, String message, Map<String, Object> fields) {}

      @Override
      public void say(String line) {
        out.println(line);
      }
    };
    try {
      if (runDir != null) {
        new RunCleaning(new RunLayout(runDir.toAbsolutePath().normalize()), env, lines).run(keepArtifacts);
      }
      int swept = cache == null ? 0 : new StageCache(cache.toAbsolutePath().normalize(), lines).sweep();
      Optional.of(swept).filter(n -> n > 0).ifPresent(n -> lines.say(n + " entries of " + cache + " removed, which no run"
          + " uses any more"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
