package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.observe.PodView.Disruption;
import io.fabric8.kubernetes.api.model.ContainerState;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodCondition;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobCondition;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Reads Jobs and pods of Kubernetes into what decisions need. */
final class Views {

  private static final Set<String> TERMINAL = Set.of("Succeeded", "Failed");

  private Views() {
  }

  static JobView job(Job job) {
    List<JobCondition> conditions = job.getStatus() == null ? List.of() : job.getStatus().getConditions();
    Optional<JobCondition> failed = conditions.stream()
        .filter(c -> Set.of("Failed", "FailureTarget").contains(c.getType()) && "True".equals(c.getStatus()))
        .min(Comparator.comparing(JobCondition::getLastTransitionTime));
    Integer failedPods = job.getStatus() == null ? null : job.getStatus().getFailed();
    return new JobView(job.getMetadata().getName(), stage(job), step(job), attempt(job), job.getSpec().getCompletions(),
        failedPods == null ? 0 : failedPods, created(job),
        job.getMetadata().getDeletionTimestamp() != null,
        conditions.stream().anyMatch(c -> "Complete".equals(c.getType()) && "True".equals(c.getStatus())),
        failed.map(c -> time(c.getLastTransitionTime(), created(job))),
        failed.map(c -> text(c.getMessage())).orElse(""), Boolean.TRUE.equals(job.getSpec().getSuspend()));
  }

  /** @param pods of the Job */
  static CleanUpView cleanUp(Job job, List<Pod> pods) {
    List<JobCondition> conditions = job.getStatus() == null ? List.of() : job.getStatus().getConditions();
    Optional<JobCondition> failed = conditions.stream()
        .filter(c -> "Failed".equals(c.getType()) && "True".equals(c.getStatus())).findFirst();
    String said = pods.stream().flatMap(p -> containers(p, created(p)).stream())
        .flatMap(c -> c.state() instanceof ContainerView.Terminated end && end.exitCode() != 0
            ? TerminationMessage.parse(end.message()).map(TerminationMessage::message).stream() : Stream.empty())
        .findFirst().orElse("");
    return new CleanUpView(created(job),
        conditions.stream().anyMatch(c -> "Complete".equals(c.getType()) && "True".equals(c.getStatus())),
        failed.isPresent(), said.isEmpty() ? failed.map(c -> "job " + job.getMetadata().getName() + " failed: "
            + text(c.getMessage())).orElse("") : said);
  }

  static PodView pod(Pod pod) {
    Instant created = created(pod);
    String phase = pod.getStatus() == null ? "" : text(pod.getStatus().getPhase());
    List<PodCondition> conditions = pod.getStatus() == null ? List.of() : pod.getStatus().getConditions();
    Optional<String> unschedulable = conditions.stream()
        .filter(c -> "PodScheduled".equals(c.getType()) && "False".equals(c.getStatus())
            && "Unschedulable".equals(c.getReason()))
        .map(c -> text(c.getMessage())).findFirst();
    return new PodView(pod.getMetadata().getName(), stage(pod), step(pod), attempt(pod), index(pod),
        pod.getSpec().getNodeName(), TERMINAL.contains(phase), deletionRequested(pod), graceEnds(pod), disruption(pod, conditions, created),
        unschedulable, containers(pod, created));
  }

  /** The deletion timestamp is when the grace period ends. */
  private static Optional<Instant> deletionRequested(Pod pod) {
    if (pod.getMetadata().getDeletionTimestamp() == null) {
      return Optional.empty();
    }
    Long grace = pod.getMetadata().getDeletionGracePeriodSeconds();
    Instant graceEnds = time(pod.getMetadata().getDeletionTimestamp(), created(pod));
    return Optional.of(graceEnds.minusSeconds(grace == null ? 0 : grace));
  }

  private static Optional<Instant> graceEnds(Pod pod) {
    Long grace = pod.getMetadata().getDeletionGracePeriodSeconds();
    boolean byForce = grace != null && grace == 0;
    return Optional.ofNullable(pod.getMetadata().getDeletionTimestamp()).filter(t -> !byForce)
        .map(t -> time(t, created(pod)));
  }

  private static Optional<Disruption> disruption(Pod pod, List<PodCondition> conditions, Instant created) {
    Optional<Disruption> told = conditions.stream()
        .filter(c -> "DisruptionTarget".equals(c.getType()) && "True".equals(c.getStatus()))
        .map(c -> new Disruption(text(c.getReason()), text(c.getMessage()), time(c.getLastTransitionTime(), created)))
        .findFirst();
    boolean evicted = pod.getStatus() != null && "Evicted".equals(pod.getStatus().getReason());
    return told.isPresent() || !evicted ? told
        : Optional.of(new Disruption("Evicted", text(pod.getStatus().getMessage()), ended(pod, created)));
  }

  /** When its last container ended. */
  private static Instant ended(Pod pod, Instant created) {
    return containers(pod, created).stream()
        .flatMap(c -> c.state() instanceof ContainerView.Terminated end ? Stream.of(end.at()) : Stream.empty())
        .max(Instant::compareTo).orElse(created);
  }

  private static List<ContainerView> containers(Pod pod, Instant created) {
    List<ContainerView> views = new ArrayList<>();
    if (pod.getStatus() != null) {
      pod.getStatus().getInitContainerStatuses().forEach(s -> views.add(container(s, true, 0, created)));
      List<String> order = pod.getSpec().getContainers().stream().map(c -> c.getName()).toList();
      pod.getStatus().getContainerStatuses()
          .forEach(s -> views.add(container(s, false, order.indexOf(s.getName()), created)));
    }
    return views;
  }

  private static ContainerView container(ContainerStatus status, boolean init, int localRank, Instant created) {
    ContainerState state = status.getState();
    ContainerView.State view;
    if (state != null && state.getTerminated() != null) {
      view = new ContainerView.Terminated(state.getTerminated().getExitCode(), text(state.getTerminated().getReason()),
          text(state.getTerminated().getMessage()), time(state.getTerminated().getFinishedAt(), created));
    } else if (state != null && state.getRunning() != null) {
      view = new ContainerView.Running(time(state.getRunning().getStartedAt(), created));
    } else {
      boolean told = state != null && state.getWaiting() != null;
      view = new ContainerView.Waiting(told ? text(state.getWaiting().getReason()) : "",
          told ? text(state.getWaiting().getMessage()) : "");
    }
    return new ContainerView(status.getName(), init, localRank, view, text(status.getImageID()));
  }

  private static int index(Pod pod) {
    String label = pod.getMetadata().getLabels().get(Names.INDEX);
    return label == null ? 0 : Integer.parseInt(label);
  }

  private static Stage stage(HasMetadata object) {
    return Stage.of(object.getMetadata().getLabels().get(Names.STAGE));
  }

  private static StageStep step(HasMetadata object) {
    return Names.step(object.getMetadata().getLabels());
  }

  private static int attempt(HasMetadata object) {
    return Integer.parseInt(object.getMetadata().getLabels().get(Names.ATTEMPT));
  }

  private static Instant created(HasMetadata object) {
    return time(object.getMetadata().getCreationTimestamp(), Instant.EPOCH);
  }

  private static Instant time(String text, Instant otherwise) {
    return text == null || text.isEmpty() ? otherwise : OffsetDateTime.parse(text).toInstant();
  }

  private static String text(String text) {
    return text == null ? "" : text;
  }
}
