package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.Checkpoint;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.api.v1alpha1.TrainingStatus;
import dev.flowtraining.operator.observe.Progress;
import dev.flowtraining.operator.observe.Report;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What of the trainer's reports counts. A report counts for the attempt that runs, and until the next one starts: a
 * zombie of an older attempt cannot move the status, and above all cannot move the checkpoint that the next attempt
 * resumes from.
 */
public final class ProgressGate {

  /** An attempt's last words, such as the checkpoint that it saves on SIGTERM, come when its end is decided already. */
  private static final Set<StagePhase> CURRENT =
      Set.of(StagePhase.RUNNING, StagePhase.RESTARTING, StagePhase.SUSPENDED, StagePhase.FAILED);

  private ProgressGate() {
  }

  public static FlowTrainingStatus accept(FlowTrainingSpec spec, FlowTrainingStatus status, Progress progress) {
    FlowTrainingStatus next = progress.report().map(r -> accept(spec, status, r)).orElse(status);
    for (StageStatus stage : status.stages()) {
      if (stage.phase() == StagePhase.RUNNING && stage.jobStep() == StageStep.SHARDS) {
        next = next.with(ofShards(stage, progress));
      }
    }
    // what the ConfigMap holds before the stage has ended may be of a run before
    boolean exported = next.of(Stage.EXPORT).phase() == StagePhase.SUCCEEDED;
    return exported && !progress.artifacts().isEmpty() ? next.withArtifacts(progress.artifacts()) : next;
  }

  private static FlowTrainingStatus accept(FlowTrainingSpec spec, FlowTrainingStatus status, Report report) {
    StageStatus stage = status.of(report.stage());
    boolean current = CURRENT.contains(stage.phase());
    if (!current || !report.attempt().equals(stage.attempt())) {
      return status;
    }
    StageStatus moved = stage.phase() == StagePhase.RUNNING ? moved(stage, report) : stage;
    if (!report.stage().isTraining()) {
      return status.with(moved);
    }
    TrainingStatus training = values(status.training(), report);
    Checkpoint offered = report.checkpoint();
    if (offered != null && isFurther(offered, training.checkpoint(), stage.attempt())) {
      training = training.withCheckpoint(offered);
      moved = spec.restartPolicy().resetAfterCheckpoint() ? moved.withBudgetRefilled() : moved;
    }
    return status.with(moved).withTraining(training);
  }

  /** Before and after the shards a report tells how far the step is, not how far the stage is. */
  private static StageStatus moved(StageStatus stage, Report report) {
    return switch (stage.jobStep()) {
      case WHOLE -> stage.withProgress((int) (report.fraction() * 100), report.message());
      case FIT -> stage.withProgress(0, report.message());
      case SHARDS -> stage;
      case MERGE -> stage.withProgress(99, "joining the shards");
    };
  }

  /** All shards together are as far as they are on average. */
  private static StageStatus ofShards(StageStatus stage, Progress progress) {
    List<Report> reports = progress.shards().entrySet().stream()
        .filter(e -> e.getKey() < stage.shards()).map(Map.Entry::getValue)
        .filter(r -> r.stage() == stage.name() && r.attempt().equals(stage.attempt())).toList();
    double sum = reports.stream().mapToDouble(Report::fraction).sum();
    long done = reports.stream().filter(r -> r.fraction() == 1).count();
    return stage.withProgress((int) (100 * sum / stage.shards()), done + " of " + stage.shards() + " shards");
  }

  /** An attempt writes only below its own folder. */
  private static boolean isFurther(Checkpoint offered, Checkpoint accepted, int attempt) {
    return offered.path().startsWith("exp/flow_model/attempt-" + attempt + "/")
        && (accepted == null || offered.step() > accepted.step());
  }

  private static TrainingStatus values(TrainingStatus old, Report r) {
    return new TrainingStatus(or(r.epoch(), old.epoch()), or(r.maxEpoch(), old.maxEpoch()), or(r.step(), old.step()),
        or(r.loss(), old.loss()), or(r.cvLoss(), old.cvLoss()), or(r.bestCvLoss(), old.bestCvLoss()),
        or(r.learningRate(), old.learningRate()), or(r.framesPerSecond(), old.framesPerSecond()),
        or(r.estimatedCompletion(), old.estimatedCompletion()), old.attempt(), old.restarts(), old.disruptions(),
        old.activeSeconds(), old.activeSince(), old.checkpoint(), old.lastFailure(),
        or(r.transport(), old.transport()));
  }

  private static <T> T or(T value, T otherwise) {
    return value == null ? otherwise : value;
  }
}
