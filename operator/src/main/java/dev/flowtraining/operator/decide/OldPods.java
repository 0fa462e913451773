package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.PodView;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Two attempts of a stage never run at once: nothing starts while a pod of another one may be alive. */
final class OldPods {

  /** How long after its grace period a pod may still be there: then its node is lost, and it is deleted by force. */
  static final Duration NODE_LOST = Duration.ofMinutes(3);

  private OldPods() {
  }

  /**
   * What is left of an attempt that is over; empty when its last pod is gone.
   *
   * @param reason of the wait, in a word
   */
  static Optional<Decision> of(StageStatus last, String reason, Observation seen, Instant now) {
    Stage stage = last.name();
    int attempt = last.attempt();
    boolean ended = seen.job(stage, last.jobStep(), attempt).filter(j -> !j.deleting()).map(JobView::finished)
        .orElse(false);
    List<PodView> pods = seen.pods().stream()
        .filter(p -> p.stage() == stage
            && (!p.terminal() || p.attempt() == attempt && p.step() == last.jobStep() && !ended)).toList();
    List<String> lost = lost(pods.stream(), now);
    if (!lost.isEmpty()) {
      return Optional.of(new Decision.TearDown(stage, List.of(), lost));
    }
    Stream<String> jobs = seen.jobs().stream().filter(j -> j.stage() == stage && j.deleting())
        .map(j -> "job " + j.name());
    List<String> left = Stream.concat(jobs, pods.stream().map(p -> going(p, now)).sorted()).toList();
    return left.isEmpty() ? Optional.empty() : Optional.of(new Decision.Wait(stage, reason,
        "waiting until attempt " + attempt + " is gone: " + String.join(", ", left),
        Optional.of(now.plus(StageMachine.RECHECK))));
  }

  /** A pod that its node should have ended long ago. What it may still write is fenced: it has a folder of its own. */
  static List<String> lost(Stream<PodView> pods, Instant now) {
    return pods.filter(p -> p.graceEnds().filter(end -> !now.isBefore(end.plus(NODE_LOST))).isPresent())
        .map(PodView::name).toList();
  }

  private static String going(PodView pod, Instant now) {
    return pod.where() + pod.graceEnds().filter(now::isAfter)
        .map(end -> " (the node does not answer; deleted by force at " + end.plus(NODE_LOST) + ")").orElse("");
  }
}
