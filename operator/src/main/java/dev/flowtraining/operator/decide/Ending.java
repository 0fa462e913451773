package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * After the end. After a failure for good, containers that go on in a pod with a dead one are ended; finished Jobs stay
 * for their logs, until ttlAfterFinished is over.
 */
final class Ending {

  /** How long the other containers of a stage that failed for good may take to end by themselves. */
  static final Duration LINGER = Duration.ofSeconds(30);

  private Ending() {
  }

  static Decision of(FlowTraining ft, Observation seen, Instant now) {
    FlowTrainingStatus status = ft.getStatus();
    List<String> unfinished = seen.jobs().stream().filter(j -> !j.finished() && !j.deleting()).map(JobView::name)
        .toList();
    if (status.phase() == Phase.FAILED && !unfinished.isEmpty()) {
      Instant until = Instant.parse(status.completionTime()).plus(LINGER);
      return now.isBefore(until) ? wait(status, until) : new Decision.TearDown(status.stage(), unfinished);
    }
    return expiry(ft).map(due -> now.isBefore(due) ? wait(status, due)
        : new Decision.Expire(ft.getSpec().ttlAfterFinished().deleteSelf())).orElseGet(Decision.Idle::new);
  }

  /** When the time after the end is over; empty when it has no end, or was over already. */
  static Optional<Instant> expiry(FlowTraining ft) {
    FlowTrainingStatus status = ft.getStatus();
    boolean done = status.run().childrenDeletedTime() != null && !ft.getSpec().ttlAfterFinished().deleteSelf();
    return done ? Optional.empty() : ft.getSpec().ttlAfterFinished().after(status.phase())
        .map(ttl -> Instant.parse(status.completionTime()).plus(ttl));
  }

  private static Decision wait(FlowTrainingStatus status, Instant until) {
    return new Decision.Wait(status.stage(), "", "", Optional.of(until));
  }
}
