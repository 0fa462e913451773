package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * After the end. After a failure for good, containers that go on in a pod with a dead one are ended; finished Jobs stay
 * for their logs.
 */
final class Ending {

  /** How long the other containers of a stage that failed for good may take to end by themselves. */
  static final Duration LINGER = Duration.ofSeconds(30);

  private Ending() {
  }

  static Decision of(FlowTrainingStatus status, Observation seen, Instant now) {
    if (status.phase() != Phase.FAILED || status.completionTime() == null) {
      return new Decision.Idle();
    }
    List<String> unfinished = seen.jobs().stream().filter(j -> !j.finished() && !j.deleting()).map(JobView::name)
        .toList();
    if (unfinished.isEmpty()) {
      return new Decision.Idle();
    }
    Stage stage = status.stage();
    Instant until = Instant.parse(status.completionTime()).plus(LINGER);
    return now.isBefore(until)
        ? new Decision.Wait(stage, "", "", Optional.of(until))
        : new Decision.TearDown(stage, unfinished);
  }
}
