package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
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

  private OldPods() {
  }

  /**
   * What is left of an attempt that is over; empty when its last pod is gone.
   *
   * @param reason of the wait, in a word
   */
  static Optional<Decision> of(FlowTraining ft, Stage stage, String reason, Observation seen, Instant now) {
    StageStatus last = ft.getStatus().of(stage);
    Duration nodeLost = ft.getSpec().restartPolicy().nodeLostAfter();
    int attempt = last.attempt();
    boolean ended = seen.job(stage, last.jobStep(), attempt).filter(j -> !j.deleting()).map(JobView::finished)
        .orElse(false);
    List<PodView> pods = seen.pods().stream()
        .filter(p -> p.stage() == stage
            && (!p.terminal() || p.attempt() == attempt && p.step() == last.jobStep() && !ended)).toList();
    List<String> lost = lost(pods.stream(), nodeLost, now);
    if (!lost.isEmpty()) {
      return Optional.of(new Decision.TearDown(stage, List.of(), lost));
    }
    Stream<String> jobs = seen.jobs().stream().filter(j -> j.stage() == stage && j.deleting())
        .map(j -> "job " + j.name());
    List<String> left = Stream.concat(jobs, pods.stream().map(p -> going(p, nodeLost, now)).sorted()).toList();
    return left.isEmpty() ? Optional.empty() : Optional.of(new Decision.Wait(stage, reason,
        "waiting until attempt " + attempt + " is gone: " + String.join(", ", left),
        Optional.of(now.plus(StageMachine.RECHECK))));
  }

  /**
   * Pods that somebody deleted and that their nodes, which do not answer, will not end. What such a pod may still write
   * is fenced: it has a folder of its own.
   *
   * @param nodeLost how long a node may be not ready, or a pod be there after its grace period
   */
  static List<String> lost(Stream<PodView> pods, Duration nodeLost, Instant now) {
    return pods.filter(p -> byForce(p, nodeLost).filter(at -> !now.isBefore(at)).isPresent())
        .map(PodView::name).toList();
  }

  private static Optional<Instant> byForce(PodView pod, Duration nodeLost) {
    return pod.graceEnds().map(end -> end.plus(nodeLost)).map(late -> pod.nodeLostSince()
        .map(since -> since.plus(nodeLost)).filter(early -> early.isBefore(late)).orElse(late));
  }

  private static String going(PodView pod, Duration nodeLost, Instant now) {
    boolean silent = pod.nodeLostSince().isPresent() || pod.graceEnds().filter(now::isAfter).isPresent();
    return pod.where() + byForce(pod, nodeLost).filter(at -> silent)
        .map(at -> " (the node does not answer; deleted by force at " + at + ")").orElse("");
  }
}
