package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.observe.CleanUpView;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.PodView;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The way of a FlowTraining that is deleted and whose files are not all to stay: what runs ends, a Job removes them, and
 * then it may go. Whatever becomes of that Job, it goes: an object that hangs for ever helps nobody.
 */
public final class Deletion {

  /** How long the Job may take, or be refused by the API server. */
  static final Duration PATIENCE = Duration.ofMinutes(10);

  private Deletion() {
  }

  /** @param job the Job that tidies up, if there is one */
  public static Decision decide(FlowTraining ft, Observation seen, Optional<CleanUpView> job, Instant now) {
    FlowTrainingStatus status = ft.getStatus();
    Stage stage = status.stage() == null ? Stage.PREPARE_DATA : status.stage();
    List<String> jobs = seen.jobs().stream().filter(j -> !j.finished() && !j.deleting()).map(JobView::name).toList();
    if (!jobs.isEmpty()) {
      return new Decision.TearDown(stage, jobs);
    }
    List<PodView> alive = seen.pods().stream().filter(p -> !p.terminal()).toList();
    List<String> lost = OldPods.lost(alive.stream(), ft.getSpec().restartPolicy().nodeLostAfter(), now);
    if (!lost.isEmpty()) {
      return new Decision.TearDown(stage, List.of(), lost);
    }
    Instant soon = now.plus(StageMachine.RECHECK);
    if (!alive.isEmpty()) {
      return new Decision.CleanUp(false, "deleted: waiting until "
          + alive.stream().map(PodView::where).sorted().collect(Collectors.joining(", ")) + " is gone", soon);
    }
    if (job.isEmpty()) {
      return new Decision.CleanUp(true, "deleted: a Job is to remove the files that do not stay (workspace.retain: "
          + ft.getSpec().workspace().retain().id() + ")", soon);
    }
    if (job.get().complete()) {
      return new Decision.Release("");
    }
    Instant end = job.get().created().plus(PATIENCE);
    if (job.get().failed() || !now.isBefore(end)) {
      return new Decision.Release(job.get().failed() ? job.get().problem()
          : "not done within 10 minutes" + (job.get().problem().isEmpty() ? "" : ": " + job.get().problem()));
    }
    return new Decision.CleanUp(false, "deleted: the files that do not stay are being removed (workspace.retain: "
        + ft.getSpec().workspace().retain().id() + ")" + (job.get().problem().isEmpty() ? "" : "; "
            + job.get().problem()), soon);
  }

  /** The API server does not take the Job: in a namespace that is deleted it never will. */
  public static Decision refused(FlowTraining ft, String why, boolean forGood, Instant now) {
    Instant end = Instant.parse(ft.getMetadata().getDeletionTimestamp()).plus(PATIENCE);
    return forGood || !now.isBefore(end) ? new Decision.Release(why)
        : new Decision.CleanUp(false, "deleted: the Job that is to remove files is refused: " + why,
            now.plus(StageMachine.RECHECK));
  }
}
