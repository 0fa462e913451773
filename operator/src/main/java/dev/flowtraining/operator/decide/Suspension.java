package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The way to a suspended run. Its Job goes as after a failure: pods get SIGTERM, on which training saves a checkpoint,
 * and their grace period. A wish that is taken back meanwhile has to wait for the last of them like any next attempt.
 */
final class Suspension {

  private Suspension() {
  }

  static Decision goOn(FlowTraining ft, Stage stage, Observation seen, Instant now) {
    StageStatus last = ft.getStatus().of(stage);
    boolean doneInTime = last.phase() == StagePhase.SUSPENDED
        && (last.jobStep() == StageStep.WHOLE || last.jobStep() == StageStep.MERGE)
        && seen.job(stage, last.jobStep(), last.attempt()).filter(JobView::complete).isPresent();
    if (doneInTime) {
      return new Decision.Complete(stage);
    }
    List<String> jobs = seen.jobs().stream().filter(j -> !j.finished() && !j.deleting()).map(JobView::name).toList();
    if (!jobs.isEmpty()) {
      return new Decision.TearDown(stage, jobs);
    }
    Optional<Decision> left = OldPods.of(ft, stage, "Suspending", seen, now);
    return left.orElseGet(() -> ft.getSpec().suspend() ? new Decision.Suspended() : Beginning.of(ft, seen, now));
  }
}
