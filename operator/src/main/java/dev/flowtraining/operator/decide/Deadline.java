package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.TrainingStatus;
import dev.flowtraining.operator.observe.Failure;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** training.activeDeadline: how long stage 4 may take, restarts included and suspensions not. */
final class Deadline {

  private Deadline() {
  }

  /** Ends what goes on after the deadline, and sees to it that a wait does not outlast it. */
  static Decision bounds(FlowTraining ft, Stage stage, Decision decision, Instant now) {
    TrainingStatus training = ft.getStatus().training();
    Optional<Duration> allowed = ft.getSpec().training().deadline();
    boolean ends = decision instanceof Decision.Complete || decision instanceof Decision.Fail
        || decision instanceof Decision.Suspend;
    if (allowed.isEmpty() || !stage.isTraining() || training.activeSince() == null || ends) {
      return decision;
    }
    Duration left = allowed.get().minus(training.activeFor(now));
    if (left.isPositive()) {
      Instant until = now.plus(left);
      return decision instanceof Decision.Wait wait && wait.recheck().filter(at -> !at.isAfter(until)).isEmpty()
          ? new Decision.Wait(wait.stage(), wait.reason(), wait.message(), Optional.of(until)) : decision;
    }
    String message = "training took longer than training.activeDeadline "
        + ft.getSpec().training().activeDeadline() + " (suspensions do not count)";
    LastFailure why = new LastFailure(stage.id(), ft.getStatus().of(stage).attempt(), null, null, null,
        "DeadlineExceeded", message, now.toString());
    return new Decision.Fail(stage, new Failure(Failure.Cause.NO_PROGRESS, why, now), FailureClass.PERMANENT,
        "DeadlineExceeded: " + message);
  }
}
