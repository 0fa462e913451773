package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.observe.Observation.Warning;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Why pods do not start: told from their conditions, their containers and the events about them. */
final class NotStartedReason {

  private static final Set<String> IMAGE = Set.of("ErrImagePull", "ImagePullBackOff", "InvalidImageName",
      "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable");
  private static final Set<String> USUAL = Set.of("ContainerCreating", "PodInitializing", "");

  private static final String OTHER_IMAGE =
      "; a run keeps its image: for another one delete the FlowTraining and apply it anew";

  private NotStartedReason() {
  }

  /** Jobs are never changed: how an edit takes effect. */
  private static String changed(JobView job) {
    return "; a changed spec is used by the next attempt: delete job " + job.name() + " to start it";
  }

  static JobOutcome.NotStarted of(JobView job, List<PodView> pods, Map<String, Warning> warnings,
      int expectedPods) {
    for (PodView pod : pods) {
      if (pod.unschedulable().isPresent()) {
        return new JobOutcome.NotStarted("Unschedulable", "pod " + pod.name() + ": " + pod.unschedulable().get()
            + changed(job));
      }
      for (ContainerView container : pod.containers()) {
        if (container.state() instanceof ContainerView.Waiting waiting && !USUAL.contains(waiting.reason())) {
          boolean image = IMAGE.contains(waiting.reason());
          return new JobOutcome.NotStarted(image ? "ImagePullFailed" : waiting.reason(),
              "pod " + pod.name() + ", container " + container.name() + ": " + waiting.reason()
                  + (waiting.message().isEmpty() ? "" : ": " + waiting.message())
                  + (image ? OTHER_IMAGE : changed(job)));
        }
      }
    }
    for (PodView pod : pods) {
      Warning warning = pod.working() ? null : warnings.get(pod.name());
      // what kept the scheduler from placing it is over
      boolean placed = warning != null && warning.reason().equals("FailedScheduling") && pod.node() != null;
      if (warning != null && !placed) {
        return new JobOutcome.NotStarted(warning.reason(), "pod " + pod.name() + ": " + warning.message()
            + changed(job));
      }
    }
    Warning ofJob = warnings.get(job.name());
    if (ofJob != null && pods.size() < expectedPods) {
      // quota, pod security, a missing service account: the Job controller cannot create the pod
      return new JobOutcome.NotStarted("PodCreationFailed", "job " + job.name() + ": " + ofJob.message());
    }
    boolean checking = pods.stream().flatMap(p -> p.containers().stream())
        .anyMatch(c -> c.init() && c.state() instanceof ContainerView.Running);
    return new JobOutcome.NotStarted("", checking ? "checking the environment" : "the pods of " + job.name()
        + " are starting");
  }
}
