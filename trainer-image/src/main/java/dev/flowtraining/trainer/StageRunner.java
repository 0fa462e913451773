package dev.flowtraining.trainer;

import dev.flowtraining.trainer.progress.RunReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Runs a stage, or one step of it, unless its result is there already, and records what it did. */
final class StageRunner {
  /**
   * A wish, by any name, that the stage be done again though its input is the same. It is granted once: a wish of the
   * same name, by another attempt or by a FlowTraining that was applied again, changes nothing.
   */
  static final String RERUN = "FLOWTRAINING_RERUN";

  private final StageContext context;
  private final RunReport report;
  private final Map<String, String> env;
  private final Optional<StageCache> cache;
  private Instant start;

  /** @param cache through which this run and others share results */
  StageRunner(StageContext context, RunReport report, Map<String, String> env, Optional<StageCache> cache) {
    this.context = context;
    this.report = report;
    this.env = env;
    this.cache = cache;
  }

  void run(Stage stage, StageTask task, Step step) throws IOException, InterruptedException {
    createRoot();
    // shards of a stage run side by side, and ranks beside the first
    boolean alone = first() && !(step instanceof Step.Shard);
    try (RunLock _ = alone ? RunLock.take(context.layout(), context.ranks(), stage) : null) {
      runLocked(stage, task, step);
    }
  }

  private void runLocked(Stage stage, StageTask task, Step step) throws IOException, InterruptedException {
    RunLayout layout = context.layout();
    RunRecord owner = claim(step);
    // read before the stage's record: another rank that has begun again has removed that one first
    boolean again = !owner.fulfils(stage, env.get(RERUN));
    String inputHash = task.inputHash(context);
    Optional<StageRecord> last = StageRecord.read(layout, stage);
    try (SharedStage shared = shared(stage, task, inputHash)) {
      if (!again && last.isPresent() && last.get().inputHash().equals(inputHash) && task.resultsPresent(context)) {
        report.say(stage.id() + ": unchanged since " + last.get().completedAt() + ", nothing to do");
        found(stage, task, step, last.get(), owner, shared);
        return;
      }
      if (first()) {
        // an old record beside half of a new result must not pass for it later
        Files.deleteIfExists(layout.stageRecord(stage));
      }
      if (again && first() && !(step instanceof Step.Shard)) {
        task.setAside(context);
        shared.withdraw();
        owner = owner.fulfilling(stage, env.get(RERUN));
        owner.write(layout);
      }
      report.update(stage, 0, "started");
      start = Instant.now();
      Optional<StageRecord> adopted = again || !first() ? Optional.empty() : shared.adopt(step);
      if (adopted.isPresent()) {
        report.update(stage, 1, "shared by a run with the same input");
        found(stage, task, step, adopted.get(), owner, shared);
        return;
      }
      switch (step) {
        case Step.Whole whole -> complete(stage, task, task.run(context), inputHash, owner, shared);
        case Step.Fit fit -> fit(stage, (ShardedTask) task);
        case Step.Shard shard -> work(stage, (ShardedTask) task, shard);
        case Step.Merge merge -> complete(stage, task, ((ShardedTask) task).merge(context), inputHash, owner, shared);
      }
    }
  }

  private SharedStage shared(Stage stage, StageTask task, String inputHash) throws IOException {
    return new SharedStage(cache.orElse(null), context, stage, inputHash,
        cache.isPresent() ? task.results(context) : List.of());
  }

  /** The result is in the run directory. */
  private void found(Stage stage, StageTask task, Step step, StageRecord record, RunRecord owner,
      SharedStage shared) throws IOException {
    if (!completes(step)) {
      return;
    }
    if (first()) {
      owner.with(stage, record.inputHash()).write(context.layout());
      shared.publish(record, owner());
    }
    task.removeParts(context);
    publish(stage, record);
  }

  private void fit(Stage stage, ShardedTask task) throws IOException, InterruptedException {
    Optional<String> fitted = task.fit(context);
    report.update(stage, 1, fitted.orElse("nothing to fit"));
    report.say(stage.id() + ": " + fitted.map(what -> "%s, %.1f s".formatted(what, seconds())).orElse("nothing to fit"));
  }

  private void work(Stage stage, ShardedTask task, Step.Shard shard) throws IOException, InterruptedException {
    ShardedTask.Share share = task.work(context, shard);
    report.update(stage, 1, "shard " + shard + " done");
    report.say("%s: shard %s done in %.1f s: %d utterances, %d of them were done before"
        .formatted(stage.id(), shard, seconds(), share.utterances(), share.found()));
  }

  private void complete(Stage stage, StageTask task, StageTask.Result result, String inputHash, RunRecord owner,
      SharedStage shared) throws IOException {
    StageRecord record = new StageRecord(stage.id(), inputHash, result.outputHash(), result.counts(), seconds(),
        Versions.all(), Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    if (first()) {
      record.write(context.layout());
      owner.with(stage, inputHash).write(context.layout());
      shared.publish(record, owner());
      task.removeParts(context);
    }
    report.update(stage, 1, "done in %.1f s".formatted(record.seconds()));
    report.say(stage.id() + ": done in %.1f s, ".formatted(record.seconds()) + result.counts());
    publish(stage, record);
  }

  /** Since this process began to work. */
  private double seconds() {
    return Duration.between(start, Instant.now()).toMillis() / 1000.0;
  }

  private void createRoot() {
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
  }

  /** Makes the run directory this FlowTraining's, or says why it cannot be. */
  private RunRecord claim(Step step) throws IOException {
    RunRecord owner = RunRecord.claim(context.layout(), env);
    // shards run side by side: whoever merges them writes the owner's name
    if (first() && !(step instanceof Step.Shard)) {
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

  /** As other runs, and people, know this one. */
  private String owner() {
    String name = env.get("FLOWTRAINING_NAME");
    return name == null ? context.layout().root().toString() : env.get("FLOWTRAINING_NAMESPACE") + "/" + name;
  }

  private static boolean completes(Step step) {
    return step instanceof Step.Whole || step instanceof Step.Merge;
  }

  /** Of all ranks one writes what is written once. */
  private boolean first() {
    return context.ranks().rank() == 0;
  }
}
