package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.Checkpoint;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.Failure;
import dev.flowtraining.operator.observe.Failure.Cause;
import dev.flowtraining.operator.observe.JobOutcome;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.Observation.Former;
import dev.flowtraining.operator.observe.PodView;
import dev.flowtraining.operator.observe.Report;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One stage after the other, each to its end: a pure function of spec, status, observation and clock. */
public final class StageMachine {

  /** How soon to look again at what no event announces. */
  static final Duration RECHECK = Duration.ofSeconds(5);
  /** How long the other containers of a stage that failed for good may take to end by themselves. */
  static final Duration LINGER = Duration.ofSeconds(30);

  /** How long after its grace period a pod may still be there: then its node is lost, and it is deleted by force. */
  static final Duration NODE_LOST = Duration.ofMinutes(3);

  private StageMachine() {
  }

  public static Decision decide(FlowTraining ft, Observation seen, Instant now) {
    FlowTrainingStatus status = ft.getStatus();
    if (status.phase() == null || status.phase() == Phase.PENDING) {
      return begin(ft, seen, now);
    }
    if (status.phase().isTerminal()) {
      return ft.getMetadata().getGeneration().equals(status.observedGeneration())
          ? leftovers(status, seen, now)
          : begin(ft, seen, now);
    }
    Stage stage = Stage.inOrder().stream()
        .filter(s -> ft.getSpec().stages().contains(s) && status.of(s).phase() != StagePhase.SUCCEEDED)
        .findFirst().orElse(Stage.EXPORT);
    return switch (status.of(stage).phase()) {
      case PENDING, NOT_REQUESTED -> start(ft, stage, Steps.first(ft.getSpec(), stage), seen, now);
      case RUNNING -> running(ft, stage, seen, now);
      case RESTARTING -> restarting(ft, stage, seen, now);
      case SUCCEEDED, FAILED -> new Decision.Idle();
    };
  }

  /** Which stages have to run: from the first that was not completed with the input that the spec now asks for. */
  private static Decision begin(FlowTraining ft, Observation seen, Instant now) {
    FlowTrainingSpec spec = ft.getSpec();
    FlowTrainingStatus status = ft.getStatus();
    if (!seen.former().isEmpty()) {
      List<String> lost = lost(seen.former().stream().flatMap(f -> f.pod().stream()), now);
      return lost.isEmpty()
          ? new Decision.Blocked("Cleaning", "waiting until objects of a deleted FlowTraining of this name are gone: "
              + seen.former().stream().map(Former::where).collect(Collectors.joining(", ")), false)
          : new Decision.TearDown(Stage.PREPARE_DATA, List.of(), lost);
    }
    Optional<Decision> before = unfinished(seen, now);
    if (before.isPresent()) {
      return before.get();
    }
    Map<Stage, String> wanted = InputHash.of(spec, seen.config().text());
    Optional<Stage> first = Stage.inOrder().stream()
        .filter(s -> spec.stages().contains(s) && !isComplete(status.of(s), wanted.get(s)))
        .findFirst();
    // nothing to do, or a configuration that cannot be read: then the hashes mean nothing
    if (first.isEmpty() && seen.config().missing().isEmpty()) {
      return new Decision.Idle();
    }
    return Preconditions.missing(spec, seen).<Decision>map(missing -> missing)
        .orElseGet(() -> new Decision.Begin(first.orElseThrow(), wanted, seen.config().text()));
  }

  /** A run that failed may have left containers that go on. */
  private static Optional<Decision> unfinished(Observation seen, Instant now) {
    Optional<JobView> job = seen.jobs().stream().filter(j -> !j.finished()).findFirst();
    if (job.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(job.get().deleting()
        ? new Decision.Wait(job.get().stage(), "Restarting", "waiting until job " + job.get().name() + " is gone",
            Optional.of(now.plus(RECHECK)))
        : new Decision.TearDown(job.get().stage(), List.of(job.get().name())));
  }

  private static boolean isComplete(StageStatus stage, String wanted) {
    return stage.phase() == StagePhase.SUCCEEDED && wanted.equals(stage.inputHash());
  }

  private static Decision start(FlowTraining ft, Stage stage, StageStep step, Observation seen, Instant now) {
    Optional<Decision.Blocked> missing = Preconditions.missing(ft.getSpec(), seen);
    if (missing.isPresent()) {
      return missing.get();
    }
    if (configChanged(ft, seen)) {
      return new Decision.Blocked("ConfigChanged", "the configuration that this run began with was deleted, and "
          + "ConfigMap '" + ft.getSpec().config().configMapRef().name() + "' holds another one now: put the old one "
          + "back, or delete the FlowTraining and apply it anew", true);
    }
    FlowTrainingStatus status = ft.getStatus();
    Optional<Decision> left = leftOf(status.of(stage), seen, now);
    if (left.isPresent()) {
      return left.get();
    }
    Optional<String> resumeFrom = stage.isTraining()
        ? Optional.ofNullable(status.training().checkpoint()).map(Checkpoint::path)
        : Optional.empty();
    return new Decision.Start(stage, step, status.of(stage).attempt() + 1, isFirstOfRun(ft, stage), resumeFrom);
  }

  /** It was read anew because the run's snapshot is gone: is it still that of the run? */
  private static boolean configChanged(FlowTraining ft, Observation seen) {
    Stage last = ft.getSpec().stages().last();
    return ft.getSpec().config().configMapRef() != null && seen.config().text().isPresent()
        && !InputHash.of(ft.getSpec(), seen.config().text()).get(last).equals(ft.getStatus().of(last).inputHash());
  }

  /** The first Job of a run checks, and after a check that failed the next one. */
  private static boolean isFirstOfRun(FlowTraining ft, Stage stage) {
    FlowTrainingStatus status = ft.getStatus();
    Instant begun = Instant.parse(status.startTime());
    LastFailure last = status.training().lastFailure();
    boolean passed = status.of(stage).startTime() != null && !(last != null && "check".equals(last.stage()));
    return !passed && Stage.inOrder().stream()
        .filter(s -> s != stage && status.of(s).phase() == StagePhase.SUCCEEDED)
        .noneMatch(s -> !Instant.parse(status.of(s).completionTime()).isBefore(begun));
  }

  private static Decision running(FlowTraining ft, Stage stage, Observation seen, Instant now) {
    FlowTrainingSpec spec = ft.getSpec();
    StageStatus status = ft.getStatus().of(stage);
    int attempt = status.attempt();
    Optional<JobView> job = seen.job(stage, status.jobStep(), attempt);
    List<PodView> pods = seen.pods(stage, status.jobStep(), attempt);
    int expectedPods = stage.isTraining() ? spec.training().pods() : 1;
    int ranksPerPod = stage.isTraining() ? spec.training().gpusPerPod() : 1;
    // the Job replaces a shard's pod when it is gone, and one on a lost node never goes by itself
    List<String> lost = status.jobStep() == StageStep.SHARDS ? lost(pods.stream(), now) : List.of();
    if (!lost.isEmpty()) {
      return new Decision.TearDown(stage, List.of(), lost);
    }
    JobOutcome outcome = status.jobStep() == StageStep.SHARDS
        ? JobOutcome.ofShards(job, pods, seen.warnings(), now)
        : JobOutcome.of(job, pods, seen.warnings(), expectedPods, ranksPerPod, now);
    return switch (outcome) {
      case JobOutcome.Succeeded s -> Steps.after(status.jobStep())
          .<Decision>map(next -> new Decision.Start(stage, next, attempt, false, Optional.empty()))
          .orElseGet(() -> new Decision.Complete(stage));
      case JobOutcome.Failed f -> failed(ft, stage, f.failure(), now);
      case JobOutcome.Absent a -> failed(ft, stage, failure(Cause.JOB_DELETED, stage, attempt, "JobDeleted",
          "the Job of attempt " + attempt + " was deleted", now), now);
      case JobOutcome.Settling s -> new Decision.Wait(stage, "", "looking for the cause of a failure",
          Optional.of(s.until()));
      case JobOutcome.NotStarted n -> new Decision.Wait(stage, n.reason(), n.message(),
          Optional.of(now.plus(RECHECK)));
      case JobOutcome.Running r -> working(ft, stage, attempt, r.since(), seen, now);
    };
  }

  private static Decision working(FlowTraining ft, Stage stage, int attempt, Instant since, Observation seen,
      Instant now) {
    if (!stage.isTraining()) {
      return new Decision.Wait(stage, "", replaced(ft.getStatus().of(stage), seen), Optional.empty());
    }
    Duration stallAfter = ft.getSpec().training().stallAfter();
    Instant last = seen.progress().report()
        .filter(r -> r.stage() == stage && r.attempt() == attempt)
        .map(Report::at).filter(at -> at.isAfter(since)).orElse(since);
    if (now.isBefore(last.plus(stallAfter))) {
      return new Decision.Wait(stage, "", "", Optional.of(last.plus(stallAfter)));
    }
    return failed(ft, stage, failure(Cause.NO_PROGRESS, stage, attempt, "NoProgress", "no progress since " + last
        + ", longer than training.stallTimeout " + ft.getSpec().training().stallTimeout(), now), now);
  }

  /** What the Job controller did by itself is told. */
  private static String replaced(StageStatus stage, Observation seen) {
    int pods = seen.job(stage.name(), stage.jobStep(), stage.attempt()).map(JobView::failedPods).orElse(0);
    String done = stage.message() == null ? "" : stage.message() + ", ";
    return pods == 0 ? "" : done + (pods == 1 ? "1 pod was" : pods + " pods were") + " lost and replaced";
  }

  private static Decision failed(FlowTraining ft, Stage stage, Failure failure, Instant now) {
    FlowTrainingStatus status = ft.getStatus();
    RetryPolicy.Verdict verdict = status.of(stage).jobStep() == StageStep.SHARDS
        ? RetryPolicy.verdictOfShards(ft.getSpec().restartPolicy(), status.of(stage), failure)
        : RetryPolicy.verdict(ft.getSpec().restartPolicy(), status.of(stage), failure, status.training().lastFailure());
    return switch (verdict) {
      case RetryPolicy.Again again ->
          new Decision.Restart(stage, failure, again.failureClass(), now.plus(again.after()));
      case RetryPolicy.GiveUp end -> new Decision.Fail(stage, failure, end.message());
    };
  }

  /** The failure is written down. Now the whole set goes, then the back-off passes, then the next attempt starts. */
  private static Decision restarting(FlowTraining ft, Stage stage, Observation seen, Instant now) {
    StageStatus last = ft.getStatus().of(stage);
    Optional<JobView> job = seen.job(stage, last.jobStep(), last.attempt());
    if (job.isPresent() && !job.get().deleting()) {
      return new Decision.TearDown(stage, List.of(job.get().name()));
    }
    Optional<Decision> left = leftOf(last, seen, now);
    if (left.isPresent()) {
      return left.get();
    }
    Instant notBefore = last.nextAttemptTime() == null ? now : Instant.parse(last.nextAttemptTime());
    return now.isBefore(notBefore)
        ? new Decision.Wait(stage, "Restarting", "attempt " + (last.attempt() + 1) + " starts at " + notBefore,
            Optional.of(notBefore))
        : start(ft, stage, Steps.again(ft.getSpec(), stage, last.jobStep()), seen, now);
  }

  /** Two attempts of a stage never run at once: nothing starts while a pod of another one may be alive. */
  private static Optional<Decision> leftOf(StageStatus last, Observation seen, Instant now) {
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
    return left.isEmpty() ? Optional.empty() : Optional.of(new Decision.Wait(stage, "Restarting",
        "waiting until attempt " + attempt + " is gone: " + String.join(", ", left), Optional.of(now.plus(RECHECK))));
  }

  /** A pod that its node should have ended long ago. What it may still write is fenced: it has a folder of its own. */
  private static List<String> lost(Stream<PodView> pods, Instant now) {
    return pods.filter(p -> p.graceEnds().filter(end -> !now.isBefore(end.plus(NODE_LOST))).isPresent())
        .map(PodView::name).toList();
  }

  private static String going(PodView pod, Instant now) {
    return pod.where() + pod.graceEnds().filter(now::isAfter)
        .map(end -> " (the node does not answer; deleted by force at " + end.plus(NODE_LOST) + ")").orElse("");
  }

  /**
   * After a failure for good, containers that go on in a pod with a dead one are ended; finished Jobs stay for their
   * logs.
   */
  private static Decision leftovers(FlowTrainingStatus status, Observation seen, Instant now) {
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

  private static Failure failure(Cause cause, Stage stage, int attempt, String reason, String message, Instant now) {
    return new Failure(cause, new LastFailure(stage.id(), attempt, null, null, null, reason, message, now.toString()),
        now);
  }
}
