package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.ContainerView.Terminated;
import dev.flowtraining.operator.observe.Failure.Cause;
import dev.flowtraining.operator.observe.Observation.Warning;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Everything that went wrong in an attempt; the root cause is the one of the lowest weight, then the earliest. */
final class RootCause {

  /** How a container ends that is told to go; in a deleted pod these are no causes of their own. */
  private static final Set<Integer> ENDED_FROM_OUTSIDE =
      Set.of(ExitCode.RETRYABLE.code(), ExitCode.SIGKILL.code(), ExitCode.SIGTERM.code());

  /** The container runtime's reasons of every process that ended; others (StartError) tell more than an exit code. */
  private static final Set<String> SAYS_NOTHING = Set.of("", "Error", "Completed");

  private RootCause() {
  }

  static List<Failure> candidates(JobView job, List<PodView> pods, int expectedPods, int ranksPerPod) {
    List<Failure> found = new ArrayList<>();
    for (PodView pod : pods) {
      disruption(job, pod, ranksPerPod).ifPresent(found::add);
      deletion(job, pod, pods, ranksPerPod).ifPresent(found::add);
      for (ContainerView container : pod.containers()) {
        exit(job, pod, container, ranksPerPod).ifPresent(found::add);
      }
    }
    if (job.failedAt().isPresent()) {
      found.add(gone(job, pods, expectedPods, ranksPerPod));
    }
    return found;
  }

  /** Pods on nodes that are not ready: taken away, even if nobody has asked for that yet. */
  static List<Failure> lostNodes(JobView job, List<PodView> pods, int ranksPerPod) {
    return pods.stream().filter(p -> !p.terminal() && p.nodeLostSince().isPresent())
        .map(p -> failure(Cause.DISRUPTED, job, p, firstRank(job, p, ranksPerPod), null, "NodeLost", "node " + p.node()
            + " of pod " + p.name() + " is not ready since " + p.nodeLostSince().get(), p.nodeLostSince().get()))
        .sorted(Comparator.comparing(Failure::at)).toList();
  }

  /** A rank lost its peer, and there is a pod on another node of which nothing bad is known, yet. */
  static boolean mayBeOnLostNode(Failure root, List<PodView> pods) {
    return root.cause() == Cause.PEER_LOST
        && pods.stream().anyMatch(p -> p.seemsAlive() && !Objects.equals(p.node(), root.details().node()));
  }

  /** The queue took back the quota: it suspends the Job, and the Job controller deletes the pods. */
  static Failure preempted(JobView job, Instant now) {
    return new Failure(Cause.DISRUPTED, new LastFailure(job.stage().id(), job.attempt(), null, null, null, "Preempted",
        "job " + job.name() + " was suspended by its queue", now.toString()), now);
  }

  /** Ranks that end because others have not come say less than what kept those from starting. */
  static Failure orNotStarted(Failure root, JobView job, List<PodView> pods, Map<String, Warning> warnings,
      int expectedPods, int ranksPerPod) {
    boolean waited = root.cause() == Cause.TERMINATED || root.cause() == Cause.PEER_LOST;
    Optional<NotStartedReason.Why> why =
        waited ? NotStartedReason.why(job, pods, warnings, expectedPods) : Optional.empty();
    return why.map(w -> new Failure(Cause.NOT_STARTED, new LastFailure(job.stage().id(), job.attempt(),
        w.pod().map(p -> firstRank(job, p, ranksPerPod)).orElse(null), w.pod().map(PodView::node).orElse(null), null,
        w.reason(), w.message() + "; the other ranks did not wait longer", root.at().toString()), root.at()))
        .orElse(root);
  }

  private static Optional<Failure> disruption(JobView job, PodView pod, int ranksPerPod) {
    return pod.disruption().map(d -> failure(Cause.DISRUPTED, job, pod, firstRank(job, pod, ranksPerPod), null,
        d.reason(), "pod " + pod.name() + ": " + d.message(), d.at()));
  }

  private static Optional<Failure> deletion(JobView job, PodView pod, List<PodView> pods, int ranksPerPod) {
    Optional<Instant> at = pod.deletionRequested().filter(t -> !job.deleting() && !byController(job, pods, t));
    return at.map(t -> failure(Cause.POD_DELETED, job, pod, firstRank(job, pod, ranksPerPod), null, "PodDeleted",
        "pod " + pod.name() + " was deleted", t));
  }

  /** Once a pod has failed, the Job controller deletes the others, and only then writes down that the Job fails. */
  private static boolean byController(JobView job, List<PodView> pods, Instant deleted) {
    return job.failedAt().filter(at -> !deleted.isBefore(at)).isPresent() || job.step() != StageStep.SHARDS
        && pods.stream().filter(PodView::terminal).flatMap(p -> p.containers().stream())
            .anyMatch(c -> c.state() instanceof Terminated end && end.exitCode() != 0 && end.at().isBefore(deleted));
  }

  private static Optional<Failure> exit(JobView job, PodView pod, ContainerView container, int ranksPerPod) {
    if (!(container.state() instanceof Terminated end) || end.exitCode() == 0) {
      return Optional.empty();
    }
    boolean takenAway = pod.deletionRequested().isPresent() || pod.disruption().isPresent();
    if (takenAway && ENDED_FROM_OUTSIDE.contains(end.exitCode())) {
      return Optional.empty();
    }
    Integer rank = job.stage().isTraining() && !container.init()
        ? Integer.valueOf(pod.index() * ranksPerPod + container.localRank())
        : null;
    Failure failure = "OOMKilled".equals(end.reason()) ? outOfMemory(job, pod, container, rank, end)
        : ended(job, pod, rank, end);
    return Optional.of(container.init() ? ofCheck(failure) : failure);
  }

  private static Failure outOfMemory(JobView job, PodView pod, ContainerView container, Integer rank, Terminated end) {
    return failure(Cause.OOM_KILLED, job, pod, rank, end.exitCode(), "OOMKilled",
        "the kernel killed container " + container.name() + " of pod " + pod.name()
            + " for its memory: raise resources.limits.memory"
            + (rank == null ? "" : ", or lower dataset_conf.max_frames_in_batch"), end.at());
  }

  /** By its exit code, and what it said itself. */
  private static Failure ended(JobView job, PodView pod, Integer rank, Terminated end) {
    ExitCode code = ExitCode.of(end.exitCode());
    Optional<TerminationMessage> said = TerminationMessage.parse(end.message());
    String reason = said.map(TerminationMessage::reason)
        .orElse(SAYS_NOTHING.contains(end.reason()) ? code.reason() : end.reason());
    String message = said.map(TerminationMessage::message).filter(m -> m != null && !m.isBlank())
        .map(TerminationMessage::tail)
        .orElseGet(() -> code.sentence() + lastWords(end));
    return failure(cause(end.exitCode(), reason), job, pod, rank, end.exitCode(), reason, message, end.at());
  }

  /** The end of the log tells why a process crashed; of one that was killed it tells nothing. */
  private static String lastWords(Terminated end) {
    boolean told = !end.message().isBlank() && !ENDED_FROM_OUTSIDE.contains(end.exitCode());
    return told ? ": " + TerminationMessage.tail(end.message()) : "";
  }

  private static Cause cause(int exitCode, String reason) {
    if (exitCode == ExitCode.RETRYABLE.code()) {
      return "PeerLost".equals(reason) ? Cause.PEER_LOST : Cause.TERMINATED;
    }
    return exitCode == ExitCode.SIGTERM.code() ? Cause.TERMINATED : Cause.EXITED;
  }

  /** The Job failed. If a pod is missing it was that one; if none is, this only says what the Job controller says. */
  private static Failure gone(JobView job, List<PodView> pods, int expectedPods, int ranksPerPod) {
    Set<Integer> there = pods.stream().map(PodView::index).collect(Collectors.toSet());
    Integer rank = null;
    for (int index = expectedPods - 1; index >= 0 && job.stage().isTraining(); index--) {
      rank = there.contains(index) ? rank : Integer.valueOf(index * ranksPerPod);
    }
    boolean missing = there.size() < expectedPods;
    LastFailure details = new LastFailure(job.stage().id(), job.attempt(), rank, null, null,
        missing ? "PodDeleted" : "JobFailed",
        missing ? "a pod of " + job.name() + " is gone" : "job " + job.name() + " failed: " + job.problem(), null);
    Instant at = job.failedAt().orElseThrow();
    return new Failure(missing ? Cause.POD_GONE : Cause.JOB_FAILED, details.withTime(at.toString()), at);
  }

  private static Integer firstRank(JobView job, PodView pod, int ranksPerPod) {
    return job.stage().isTraining() ? Integer.valueOf(pod.index() * ranksPerPod) : null;
  }

  private static Failure failure(Cause cause, JobView job, PodView pod, Integer rank, Integer exitCode, String reason,
      String message, Instant at) {
    String shard = job.step() == StageStep.SHARDS ? "shard " + pod.index() + "/" + job.pods() + ": " : "";
    return new Failure(cause, new LastFailure(job.stage().id(), job.attempt(), rank, pod.node(), exitCode, reason,
        shard + message, at.toString()), at);
  }

  private static Failure ofCheck(Failure f) {
    LastFailure d = f.details();
    return new Failure(f.cause(), new LastFailure("check", d.attempt(), d.rank(), d.node(), d.exitCode(), d.reason(),
        d.message(), d.time()), f.at());
  }
}
