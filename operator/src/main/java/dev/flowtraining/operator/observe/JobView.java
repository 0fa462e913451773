package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import java.time.Instant;
import java.util.Optional;

/**
 * A stage's Job as far as decisions need it.
 *
 * @param pods how many have to end well
 * @param failedPods that count, whether or not they were replaced
 * @param failedAt when the Job controller found that the Job fails; pods that it deletes are deleted after this
 * @param problem the controller's message on the failure, or empty
 * @param suspended whether it waits in a queue, or was sent back there
 */
public record JobView(String name, Stage stage, StageStep step, int attempt, int pods, int failedPods, Instant created,
    boolean deleting, boolean complete, Optional<Instant> failedAt, String problem, boolean suspended) {

  public JobView(String name, Stage stage, StageStep step, int attempt, int pods, int failedPods, Instant created,
      boolean deleting, boolean complete, Optional<Instant> failedAt, String problem) {
    this(name, stage, step, attempt, pods, failedPods, created, deleting, complete, failedAt, problem, false);
  }

  public boolean finished() {
    return complete || failedAt.isPresent();
  }
}
