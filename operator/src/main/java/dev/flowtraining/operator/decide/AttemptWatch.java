package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.Failure;
import dev.flowtraining.operator.observe.Failure.Cause;
import dev.flowtraining.operator.observe.JobOutcome;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.PodView;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** An attempt that runs: what became of it, and what follows from that. */
final class AttemptWatch {

  private AttemptWatch() {
  }

  static Decision of(FlowTraining ft, Stage stage, Observation seen, Instant now) {
    StageStatus status = ft.getStatus().of(stage);
    int attempt = status.attempt();
    List<PodView> pods = seen.pods(stage, status.jobStep(), attempt);
    // the Job replaces a shard's pod when it is gone, and one on a lost node never goes by itself
    List<String> lost = status.jobStep() == StageStep.SHARDS ? OldPods.lost(pods.stream(),
        ft.getSpec().restartPolicy().nodeLostAfter(), now) : List.of();
    if (!lost.isEmpty()) {
      return new Decision.TearDown(stage, List.of(), lost);
    }
    return switch (outcome(ft.getSpec(), status, pods, seen, now)) {
      case JobOutcome.Succeeded s -> Steps.after(status.jobStep())
          .<Decision>map(next -> ft.getSpec().suspend() ? new Decision.Suspend(stage)
              : new Decision.Start(stage, next, attempt, false, Optional.empty()))
          .orElseGet(() -> new Decision.Complete(stage));
      case JobOutcome.Failed f -> failed(ft, stage, f.failure());
      case JobOutcome.Settling s -> new Decision.Wait(stage, "", "looking for the cause of a failure",
          Optional.of(s.until()));
      case JobOutcome unfinished when ft.getSpec().suspend() -> new Decision.Suspend(stage);
      case JobOutcome.Absent a -> failed(ft, stage, failure(Cause.JOB_DELETED, stage, attempt, "JobDeleted",
          "the Job of attempt " + attempt + " was deleted", now));
      case JobOutcome.NotStarted n -> starting(ft, status, n, pods, now);
      case JobOutcome.NodeNotReady n -> new Decision.Wait(stage, "NodeNotReady", n.message(), Optional.of(n.until()));
      case JobOutcome.Queued q -> queued(ft, status, q, seen, now);
      case JobOutcome.Running r -> working(ft, status, r.since(), pods, seen, now);
    };
  }

  private static Decision starting(FlowTraining ft, StageStatus status, JobOutcome.NotStarted why, List<PodView> pods,
      Instant now) {
    Stage stage = status.name();
    RendezvousWatch watch = new RendezvousWatch(ft.getSpec().training(), status.attempt(), pods);
    boolean late = stage.isTraining() && watch.until().filter(until -> !now.isBefore(until)).isPresent();
    return late ? failed(ft, stage, watch.missing(why, now))
        : new Decision.Wait(stage, why.reason(), why.message() + why.advice(),
            Optional.of(now.plus(StageMachine.RECHECK)));
  }

  private static JobOutcome outcome(FlowTrainingSpec spec, StageStatus status, List<PodView> pods, Observation seen,
      Instant now) {
    Stage stage = status.name();
    Optional<JobView> job = seen.job(stage, status.jobStep(), status.attempt());
    return status.jobStep() == StageStep.SHARDS
        ? JobOutcome.ofShards(job, pods, seen.warnings(), now)
        : JobOutcome.of(job, pods, seen.warnings(), stage.isTraining() ? spec.training().pods() : 1,
            stage.isTraining() ? spec.training().gpusPerPod() : 1, spec.restartPolicy().nodeLostAfter(), now);
  }

  /** One that was sent back to its queue while nobody looked would run again as the same attempt. */
  private static Decision queued(FlowTraining ft, StageStatus status, JobOutcome.Queued queued, Observation seen,
      Instant now) {
    Stage stage = status.name();
    boolean ran = seen.progress().report()
        .filter(r -> r.stage() == stage && r.attempt().equals(status.attempt())).isPresent();
    return ran ? failed(ft, stage, failure(Cause.DISRUPTED, stage, status.attempt(), "Preempted", "the queue "
        + "suspended job " + status.jobName(), now))
        : new Decision.Wait(stage, "Queued", queued.message(), Optional.empty());
  }

  private static Decision working(FlowTraining ft, StageStatus status, Instant since, List<PodView> pods,
      Observation seen, Instant now) {
    Stage stage = status.name();
    if (!stage.isTraining()) {
      return new Decision.Wait(stage, "", replaced(status, seen), Optional.empty());
    }
    RendezvousWatch meeting = new RendezvousWatch(ft.getSpec().training(), status.attempt(), pods);
    Optional<Instant> until = meeting.until(since, seen.progress().report());
    if (until.filter(at -> !now.isBefore(at)).isPresent()) {
      return failed(ft, stage, meeting.notMet(since, now));
    }
    return switch (HangWatch.of(ft.getSpec().training(), status.attempt(), since, seen.progress().report(), now)) {
      case HangWatch.Alive alive -> new Decision.Wait(stage, "", "",
          until.filter(alive.until()::isAfter).or(() -> Optional.of(alive.until())));
      case HangWatch.Hangs hangs -> failed(ft, stage, failure(Cause.NO_PROGRESS, stage, status.attempt(), "NoProgress",
          hangs.message(), now));
    };
  }

  /** What the Job controller did by itself is told. */
  private static String replaced(StageStatus stage, Observation seen) {
    int pods = seen.job(stage.name(), stage.jobStep(), stage.attempt()).map(JobView::failedPods).orElse(0);
    String done = stage.message() == null ? "" : stage.message() + ", ";
    return pods == 0 ? "" : done + (pods == 1 ? "1 pod was" : pods + " pods were") + " lost and replaced";
  }

  private static Decision failed(FlowTraining ft, Stage stage, Failure failure) {
    FlowTrainingStatus status = ft.getStatus();
    RetryPolicy.Verdict verdict = status.of(stage).jobStep() == StageStep.SHARDS
        ? RetryPolicy.verdictOfShards(ft.getSpec().restartPolicy(), status.of(stage), failure)
        : RetryPolicy.verdict(ft.getSpec().restartPolicy(), status.of(stage), failure, status.training().lastFailure());
    return switch (verdict) {
      case RetryPolicy.Again again -> new Decision.Restart(stage, failure, again.failureClass());
      case RetryPolicy.GiveUp end -> new Decision.Fail(stage, failure, end.failureClass(), end.message());
    };
  }

  private static Failure failure(Cause cause, Stage stage, int attempt, String reason, String message, Instant now) {
    return new Failure(cause, new LastFailure(stage.id(), attempt, null, null, null, reason, message, now.toString()),
        now);
  }
}
