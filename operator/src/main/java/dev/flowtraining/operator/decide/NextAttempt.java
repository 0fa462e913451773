package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.Checkpoint;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** When an attempt of a stage starts, and from what. */
final class NextAttempt {

  private NextAttempt() {
  }

  static Decision start(FlowTraining ft, Stage stage, StageStep step, Observation seen, Instant now) {
    Optional<Decision.Blocked> missing = Preconditions.missing(ft, seen, now);
    if (missing.isPresent()) {
      return missing.get();
    }
    if (configChanged(ft, seen)) {
      return new Decision.Blocked("ConfigChanged", "the configuration that this run began with was deleted, and "
          + "ConfigMap '" + ft.getSpec().config().configMapRef().name() + "' holds another one now: put the old one "
          + "back, or delete the FlowTraining and apply it anew", true);
    }
    FlowTrainingStatus status = ft.getStatus();
    Optional<Decision> left = OldPods.of(ft, stage, "Restarting", seen, now);
    if (left.isPresent()) {
      return left.get();
    }
    Optional<String> resumeFrom = stage.isTraining()
        ? Optional.ofNullable(status.training().checkpoint()).map(Checkpoint::path)
        : Optional.empty();
    return new Decision.Start(stage, step, status.of(stage).attempt() + 1, isFirstOfRun(ft, stage), resumeFrom);
  }

  /**
   * The failure is written down. Now the whole set goes; when its last pod is gone the back-off begins, and after it
   * the next attempt starts.
   */
  static Decision afterFailure(FlowTraining ft, Stage stage, Observation seen, Instant now) {
    StageStatus last = ft.getStatus().of(stage);
    Optional<JobView> job = seen.job(stage, last.jobStep(), last.attempt());
    if (job.isPresent() && !job.get().deleting()) {
      return new Decision.TearDown(stage, List.of(job.get().name()));
    }
    Optional<Decision> left = OldPods.of(ft, stage, "Restarting", seen, now);
    if (left.isPresent()) {
      return left.get();
    }
    if (last.nextAttemptTime() == null) {
      return new Decision.BackOff(stage, now.plus(RetryPolicy.backOff(ft.getSpec().restartPolicy(), last,
          ft.getStatus().training().lastFailure())));
    }
    Instant notBefore = Instant.parse(last.nextAttemptTime());
    return now.isBefore(notBefore)
        ? new Decision.Wait(stage, "Restarting", "attempt " + (last.attempt() + 1) + " starts at " + notBefore,
            Optional.of(notBefore))
        : start(ft, stage, Steps.again(ft.getSpec(), stage, last.jobStep()), seen, now);
  }

  /** It was read anew because the run's snapshot is gone: is it still that of the run? */
  private static boolean configChanged(FlowTraining ft, Observation seen) {
    Stage last = ft.getSpec().stages().last();
    return ft.getSpec().config().configMapRef() != null && seen.config().text().isPresent()
        && !InputHash.of(ft.getSpec(), seen.config().text()).get(last).equals(ft.getStatus().of(last).inputHash());
  }

  /** The first Job of a run checks, and after a check that failed the next one. */
  private static boolean isFirstOfRun(FlowTraining ft, Stage stage) {
    FlowTrainingStatus status = ft.getStatus();
    Instant begun = Instant.parse(status.startTime());
    LastFailure last = status.training().lastFailure();
    boolean passed = status.of(stage).startTime() != null && !(last != null && "check".equals(last.stage()));
    return !passed && Stage.inOrder().stream()
        .filter(s -> s != stage && status.of(s).phase() == StagePhase.SUCCEEDED)
        .noneMatch(s -> !Instant.parse(status.of(s).completionTime()).isBefore(begun));
  }
}
