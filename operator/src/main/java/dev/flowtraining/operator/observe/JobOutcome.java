package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.observe.Observation.Warning;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What became of an attempt. Containers are asked, never the Job alone: a pod runs on while one container lives. */
public sealed interface JobOutcome {

  /** When ranks fail one after the other, the root cause may be reported after its victims. */
  Duration SETTLE = Duration.ofSeconds(5);

  /** There is no Job: somebody deleted it. */
  record Absent() implements JobOutcome {
  }

  /** Some container has not started. The reason is empty while that is nothing unusual. */
  record NotStarted(String reason, String message) implements JobOutcome {
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
    if (found.isEmpty()) {
      return new Absent();
    }
    JobView job = found.get();
    if (job.complete()) {
      return new Succeeded();
    }
    Optional<Failure> root = RootCause.candidates(job, pods, expectedPods, ranksPerPod).stream()
        .min(Comparator.comparingInt((Failure f) -> f.cause().weight()).thenComparing(Failure::at));
    if (root.isPresent()) {
      Instant settled = root.get().at().plus(SETTLE);
      return root.get().cause().mayBeVictim() && now.isBefore(settled)
          ? new Settling(settled)
          : new Failed(root.get());
    }
    if (job.deleting()) {
      return new Absent();
    }
    return atWork(job, pods, warnings, expectedPods);
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
