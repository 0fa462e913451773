package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.observe.Observation.Warning;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Why pods do not start: told from their conditions, their containers and the events about them. */
final class NotStartedReason {

  private static final Set<String> IMAGE = Set.of("ErrImagePull", "ImagePullBackOff", "InvalidImageName",
      "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable");
  private static final Set<String> USUAL = Set.of("ContainerCreating", "PodInitializing", "");

  private static final String OTHER_IMAGE =
      "; a run keeps its image: for another one suspend it, or delete the FlowTraining and apply it anew";

  private NotStartedReason() {
  }

  /** Jobs are never changed: how an edit takes effect. */
  private static String changed(JobView job) {
    return "; a changed spec is used by the next attempt: delete job " + job.name() + " to start it";
  }

  /**
   * What keeps a pod from starting.
   *
   * @param advice how an edit takes effect, or empty
   */
  record Why(Optional<PodView> pod, String reason, String message, String advice) {
  }

  static JobOutcome.NotStarted of(JobView job, List<PodView> pods, Map<String, Warning> warnings,
      int expectedPods) {
    boolean checking = pods.stream().flatMap(p -> p.containers().stream())
        .anyMatch(c -> c.init() && c.state() instanceof ContainerView.Running);
    return why(job, pods, warnings, expectedPods).map(w -> new JobOutcome.NotStarted(w.reason(), w.message(),
        w.advice())).orElseGet(() -> new JobOutcome.NotStarted("", checking ? "checking the environment"
            : JobOutcome.NotStarted.starting(job.name()), ""));
  }

  /** Empty when nothing is unusual. */
  static Optional<Why> why(JobView job, List<PodView> pods, Map<String, Warning> warnings, int expectedPods) {
    return Stream.concat(pods.stream().flatMap(p -> told(job, p).stream()),
        pods.stream().flatMap(p -> warned(job, p, warnings.get(p.name())).stream())).findFirst()
        .or(() -> notCreated(job, pods.size() < expectedPods ? warnings.get(job.name()) : null));
  }

  /** By the pod's own conditions and containers. */
  private static Optional<Why> told(JobView job, PodView pod) {
    if (pod.unschedulable().isPresent()) {
      return Optional.of(new Why(Optional.of(pod), "Unschedulable", "pod " + pod.name() + ": "
          + pod.unschedulable().get(), changed(job)));
    }
    for (ContainerView container : pod.containers()) {
      if (container.state() instanceof ContainerView.Waiting waiting && !USUAL.contains(waiting.reason())) {
        boolean image = IMAGE.contains(waiting.reason());
        return Optional.of(new Why(Optional.of(pod), image ? "ImagePullFailed" : waiting.reason(),
            "pod " + pod.name() + ", container " + container.name() + ": " + waiting.reason()
                + (waiting.message().isEmpty() ? "" : ": " + waiting.message()), image ? OTHER_IMAGE : changed(job)));
      }
    }
    return Optional.empty();
  }

  private static Optional<Why> warned(JobView job, PodView pod, Warning warning) {
    if (warning == null || pod.working()) {
      return Optional.empty();
    }
    // what kept the scheduler from placing it is over
    boolean placed = warning.reason().equals("FailedScheduling") && pod.node() != null;
    return placed ? Optional.empty() : Optional.of(new Why(Optional.of(pod), warning.reason(),
        "pod " + pod.name() + ": " + warning.message(), changed(job)));
  }

  /** Quota, pod security, a missing service account: the Job controller cannot create the pod. */
  private static Optional<Why> notCreated(JobView job, Warning warning) {
    return warning == null ? Optional.empty() : Optional.of(new Why(Optional.empty(), "PodCreationFailed",
        "job " + job.name() + ": " + warning.message(), ""));
  }
}
