package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.Checkpoint;
import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.TensorBoardState;
import dev.flowtraining.operator.api.v1alpha1.TensorBoardStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** What {@code kubectl describe} tells: the events that lie between two statuses. */
public final class Story {

  private Story() {
  }

  /** An event to be written. */
  public record Line(Reason reason, boolean warning, String message) {
  }

  public static List<Line> between(FlowTrainingStatus before, FlowTrainingStatus after) {
    List<Line> lines = new ArrayList<>();
    blocked(before, after, lines);
    if (!Objects.equals(before.startTime(), after.startTime()) && after.startTime() != null) {
      lines.add(new Line(Reason.RUN_STARTED, false, "the run starts with image " + after.image()));
    }
    suspension(before, after, lines);
    checkpoint(before.training().checkpoint(), after.training().checkpoint(), lines);
    for (Stage stage : Stage.inOrder()) {
      stage(before.of(stage), after.of(stage), after, lines);
    }
    if (before.phase() != after.phase() && after.phase() == Phase.SUCCEEDED) {
      lines.add(new Line(Reason.COMPLETED, false, after.artifacts().isEmpty() ? "all requested stages are complete"
          : "all requested stages are complete, with " + after.artifacts().size() + " artifacts"));
    }
    if (after.run().childrenDeletedTime() != null && before.run().childrenDeletedTime() == null) {
      lines.add(new Line(Reason.EXPIRED, false, "ttlAfterFinished is over: Jobs, pods and ConfigMaps are deleted, the "
          + "workspace stays"));
    }
    tensorBoard(before.tensorBoard(), after.tensorBoard(), lines);
    return lines;
  }

  private static void suspension(FlowTrainingStatus before, FlowTrainingStatus after, List<Line> lines) {
    if (before.phase() == after.phase()) {
      return;
    }
    boolean was = before.phase() == Phase.SUSPENDING || before.phase() == Phase.SUSPENDED;
    if (after.phase() == Phase.SUSPENDING) {
      lines.add(new Line(Reason.SUSPENDING, false, after.stage().id() + ", attempt " + after.of(after.stage()).attempt()
          + " stops"));
    } else if (after.phase() == Phase.SUSPENDED) {
      lines.add(new Line(Reason.SUSPENDED, false, after.startTime() == null ? "nothing starts" : "no pod is left"));
    } else if (was && after.phase() == Phase.RUNNING && before.inRun()) {
      lines.add(new Line(Reason.RESUMED, false, "the run goes on with stage " + after.stage().id()));
    }
  }

  private static void blocked(FlowTrainingStatus before, FlowTrainingStatus after, List<Line> lines) {
    String was = stalledBy(before);
    String is = stalledBy(after);
    if (!is.isEmpty() && !is.equals(was)) {
      lines.add(new Line(Reason.BLOCKED, true, is));
    } else if (is.isEmpty() && !was.isEmpty() && after.phase() != Phase.FAILED) {
      lines.add(new Line(Reason.UNBLOCKED, false, "no longer blocked by " + was));
    }
  }

  private static String stalledBy(FlowTrainingStatus status) {
    return status.phase() == Phase.FAILED ? "" : status.condition(StatusBuilder.STALLED).filter(Condition::holds)
        .map(c -> c.reason() + ": " + c.message()).orElse("");
  }

  private static void tensorBoard(TensorBoardStatus before, TensorBoardStatus after, List<Line> lines) {
    if (after == null || before != null && before.state() == after.state()) {
      return;
    }
    if (after.state() == TensorBoardState.READY) {
      lines.add(new Line(Reason.TENSORBOARD_READY, false, after.message()));
    } else if (after.state().isWrong()) {
      lines.add(new Line(Reason.TENSORBOARD_UNAVAILABLE, true, after.message()));
    }
  }

  private static void checkpoint(Checkpoint before, Checkpoint after, List<Line> lines) {
    if (after != null && !after.equals(before)) {
      lines.add(new Line(Reason.CHECKPOINT_ACCEPTED, false, after.path() + ", step " + after.step()));
    }
  }

  private static void stage(StageStatus before, StageStatus after, FlowTrainingStatus status, List<Line> lines) {
    boolean newPhase = before.phase() != after.phase();
    String id = after.name().id();
    if (after.phase() == StagePhase.RUNNING && !Objects.equals(before.jobName(), after.jobName())) {
      String from = after.name().isTraining() && status.training().checkpoint() != null
          ? ", from " + status.training().checkpoint().path() : "";
      String pods = after.shards() == null ? "" : " of " + after.shards() + " shards";
      lines.add(new Line(Reason.STAGE_STARTED, false, id + ", attempt " + after.attempt() + ", job " + after.jobName()
          + pods + from));
    } else if (newPhase && after.phase() == StagePhase.SUCCEEDED) {
      lines.add(new Line(Reason.STAGE_COMPLETED, false, id + (blank(after.message()) ? "" : ": " + after.message())));
    } else if (newPhase && after.phase() == StagePhase.RESTARTING) {
      lines.add(new Line(after.name().isTraining() ? Reason.TRAINING_RESTARTED : Reason.STAGE_RESTARTED, true,
          id + ", attempt " + after.attempt() + " failed: " + describe(status.training().lastFailure())));
    } else if (newPhase && after.phase() == StagePhase.FAILED) {
      lines.add(new Line(Reason.FAILED, true, id + ": " + after.message()));
    }
  }

  /** For example {@code Killed: rank 0 on kind-worker, exit code 137: killed by SIGKILL}. */
  static String describe(LastFailure f) {
    if (f == null) {
      return "unknown";
    }
    StringBuilder text = new StringBuilder(f.reason()).append(": ");
    if (f.rank() != null) {
      text.append("rank ").append(f.rank()).append(f.node() == null ? ": " : " on " + f.node() + ": ");
    }
    if (f.exitCode() != null) {
      text.append("exit code ").append(f.exitCode()).append(": ");
    }
    return text.append(f.message()).toString();
  }

  private static boolean blank(String text) {
    return text == null || text.isBlank();
  }
}
