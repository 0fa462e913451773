package dev.flowtraining.trainer;

import dev.flowtraining.trainer.progress.RunReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;

/** Runs a stage unless its result is there already, and records what it did. */
final class StageRunner {
  private final StageContext context;
  private final RunReport report;
  private final Map<String, String> env;

  StageRunner(StageContext context, RunReport report, Map<String, String> env) {
    this.context = context;
    this.report = report;
    this.env = env;
  }

  void run(Stage stage, StageTask task) throws IOException, InterruptedException {
    RunLayout layout = context.layout();
    RunRecord owner = claim();
    String inputHash = task.inputHash(context);
    Optional<StageRecord> last = StageRecord.read(layout, stage);
    if (last.isPresent() && last.get().inputHash().equals(inputHash) && task.resultsPresent(context)) {
      report.say(stage.id() + ": unchanged since " + last.get().completedAt() + ", nothing to do");
      publish(stage, last.get());
      return;
    }
    if (first()) {
      // an old record beside half of a new result must not pass for it later
      Files.deleteIfExists(layout.stageRecord(stage));
    }
    report.update(stage, 0, "started");
    Instant start = Instant.now();
    StageTask.Result result = task.run(context);
    double seconds = Duration.between(start, Instant.now()).toMillis() / 1000.0;
    StageRecord record = new StageRecord(stage.id(), inputHash, result.outputHash(), result.counts(), seconds,
        Versions.all(), Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    if (first()) {
      record.write(layout);
      owner.with(stage, inputHash).write(layout);
    }
    report.update(stage, 1, "done in %.1f s".formatted(seconds));
    report.say(stage.id() + ": done in %.1f s, ".formatted(seconds) + result.counts());
    publish(stage, record);
  }

  /** Makes the run directory this FlowTraining's, or says why it cannot be. */
  private RunRecord claim() throws IOException {
    Path root = context.layout().root();
    try {
      Files.createDirectories(root);
    } catch (IOException e) {
      throw new StageFailure(ExitCode.MISSING, "VolumeNotWritable",
          "cannot create the run directory " + root + ": " + e + "; check the volume and its permissions", e);
    }
    if (!Files.isWritable(root)) {
      throw new StageFailure(ExitCode.MISSING, "VolumeNotWritable",
          "the run directory " + root + " is not writable; check the volume and its permissions (fsGroup)");
    }
    RunRecord owner = RunRecord.claim(context.layout(), env);
    if (first()) {
      owner.write(context.layout());
    }
    return owner;
  }

  private void publish(Stage stage, StageRecord record) throws IOException {
    if (!first()) {
      return;
    }
    report.publish("stage-" + stage.id() + ".json", record.json());
    if (stage == Stage.EXPORT) {
      report.publish("artifacts.json", Files.readString(context.layout().artifactsJson()));
    }
  }

  /** Of all ranks one writes what is written once. */
  private boolean first() {
    return context.ranks().rank() == 0;
  }
}
