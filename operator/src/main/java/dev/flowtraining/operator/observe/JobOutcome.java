package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.observe.Observation.Warning;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What became of an attempt. Containers are asked, never the Job alone: a pod runs on while one container lives. */
public sealed interface JobOutcome {

  /** When ranks fail one after the other, the root cause may be reported after its victims. */
  Duration SETTLE = Duration.ofSeconds(5);

  /** What the control plane needs to find out that a node is gone; its peers know in seconds that a rank is. */
  Duration NODE_SETTLE = Duration.ofSeconds(75);

  /** Of those who do not care for nodes. */
  Duration NODE_LOST = Duration.ofMinutes(3);

  /** There is no Job: somebody deleted it. */
  record Absent() implements JobOutcome {
  }

  /**
   * Some container has not started.
   *
   * @param reason empty while that is nothing unusual
   * @param advice how an edit takes effect, as the end of a sentence; or empty
   */
  record NotStarted(String reason, String message, String advice) implements JobOutcome {
    /** What is said while nothing is unusual. */
    public static String starting(String job) {
      return "the pods of " + job + " are starting";
    }
  }

  /** It waits for quota in a queue. */
  record Queued(String message) implements JobOutcome {
  }

  /** Every container is at work, as far as is known: a node is not ready. */
  record NodeNotReady(String message, Instant until) implements JobOutcome {
  }

  /** Every container is at work. */
  record Running(Instant since) implements JobOutcome {
  }

  /** Something failed, but what we see may only be a victim: look again. */
  record Settling(Instant until) implements JobOutcome {
  }

  record Succeeded() implements JobOutcome {
  }

  record Failed(Failure failure) implements JobOutcome {
  }

  static JobOutcome of(Optional<JobView> found, List<PodView> pods, Map<String, Warning> warnings, int expectedPods,
      int ranksPerPod, Instant now) {
    return of(found, pods, warnings, expectedPods, ranksPerPod, NODE_LOST, now);
  }

  /**
   * @param nodeLostAfter how long the node of a pod may be not ready
   */
  static JobOutcome of(Optional<JobView> found, List<PodView> pods, Map<String, Warning> warnings, int expectedPods,
      int ranksPerPod, Duration nodeLostAfter, Instant now) {
    if (found.isEmpty()) {
      return new Absent();
    }
    JobView job = found.get();
    if (job.complete()) {
      return new Succeeded();
    }
    if (job.suspended() && !job.deleting() && pods.isEmpty()) {
      return new Queued("job " + job.name() + " waits for quota in its queue");
    }
    // a queue that lets a Job go may be seen after its pods: only pods that are taken away again tell the other way round
    if (job.suspended() && !job.deleting() && pods.stream().anyMatch(p -> p.deletionRequested().isPresent())) {
      return new Failed(RootCause.preempted(job, now));
    }
    List<Failure> causes = RootCause.candidates(job, pods, expectedPods, ranksPerPod);
    if (causes.isEmpty() && job.deleting()) {
      return new Absent();
    }
    List<Failure> nodes = RootCause.lostNodes(job, pods, ranksPerPod);
    List<Failure> all = Stream.concat(causes.stream(),
        nodes.stream().filter(n -> !causes.isEmpty() || !now.isBefore(n.at().plus(nodeLostAfter)))).toList();
    if (all.isEmpty()) {
      return nodes.isEmpty() ? atWork(job, pods, warnings, expectedPods)
          : new NodeNotReady(nodes.getFirst().details().message() + ", it is given up at "
              + nodes.getFirst().at().plus(nodeLostAfter), nodes.getFirst().at().plus(nodeLostAfter));
    }
    Failure root = all.stream()
        .min(Comparator.comparingInt((Failure f) -> f.cause().weight()).thenComparing(Failure::at)).orElseThrow();
    Instant settled = root.at().plus(RootCause.mayBeOnLostNode(root, pods) ? NODE_SETTLE : SETTLE);
    if (root.cause().mayBeVictim() && now.isBefore(settled)) {
      return new Settling(settled);
    }
    return new Failed(RootCause.orNotStarted(root, job, pods, warnings, expectedPods, ranksPerPod));
  }

  /**
   * Of shards only the Job can say that they failed: a pod that is lost is replaced. The cause is then the last failure
   * that counts, since the earlier ones were made good.
   */
  static JobOutcome ofShards(Optional<JobView> found, List<PodView> pods, Map<String, Warning> warnings, Instant now) {
    if (found.isEmpty()) {
      return new Absent();
    }
    JobView job = found.get();
    if (job.complete()) {
      return new Succeeded();
    }
    if (job.failedAt().isPresent()) {
      Failure root = RootCause.candidates(job, pods, job.pods(), 1).stream()
          .filter(f -> f.cause() != Failure.Cause.DISRUPTED)
          .min(Comparator.comparingInt((Failure f) -> f.cause().weight())
              .thenComparing(Failure::at, Comparator.reverseOrder())).orElseThrow();
      Instant settled = root.at().plus(SETTLE);
      return root.cause().mayBeVictim() && now.isBefore(settled) ? new Settling(settled) : new Failed(root);
    }
    if (job.deleting()) {
      return new Absent();
    }
    return pods.isEmpty() || pods.stream().anyMatch(p -> !p.terminal() && !p.working())
        ? NotStartedReason.of(job, pods, warnings, job.pods())
        : new Running(job.created());
  }

  private static JobOutcome atWork(JobView job, List<PodView> pods, Map<String, Warning> warnings, int expectedPods) {
    boolean working = pods.size() >= expectedPods && pods.stream().allMatch(p -> p.terminal() || p.working());
    if (working) {
      return new Running(pods.stream().map(PodView::workingSince).max(Instant::compareTo).orElse(job.created()));
    }
    return NotStartedReason.of(job, pods, warnings, expectedPods);
  }
}
