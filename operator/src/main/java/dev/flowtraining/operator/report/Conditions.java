package dev.flowtraining.operator.report;

import static dev.flowtraining.operator.report.StatusBuilder.FAST_TRANSPORT;
import static dev.flowtraining.operator.report.StatusBuilder.READY;
import static dev.flowtraining.operator.report.StatusBuilder.RECONCILING;
import static dev.flowtraining.operator.report.StatusBuilder.STALLED;
import static dev.flowtraining.operator.report.StatusBuilder.SUSPENDED;

import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.Transport;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.observe.JobOutcome;
import java.util.ArrayList;
import java.util.List;

/**
 * The conditions by the rules of kstatus: at work is Reconciling=True, at an end that only a user can change is
 * Stalled=True, done is Ready=True, and never two of them.
 */
final class Conditions {

  /** What was wrong may lie outside the spec (data, a ConfigMap's content): then nothing tells that it is right now. */
  private static final String GO_ON =
      "; put it right, then change the spec or delete and apply it (finished stages are reused)";

  private static final String SLOW = ": ranks of one node should not exchange through a network; use gpuSharing: "
      + "DeviceClaim with several gpusPerPod, or look at the nodes' network";

  private Conditions() {
  }

  /** The sentence that goes with a reason. */
  private record Why(String reason, String message) {
  }

  static List<Condition> of(FlowTrainingStatus status, Decision decision, String time) {
    List<Condition> all = new ArrayList<>();
    Why why = why(status, decision);
    boolean goes = decision instanceof Decision.CleanUp;
    boolean stalled = !goes && (status.phase() == Phase.FAILED || decision instanceof Decision.Blocked b && b.stalled());
    boolean ready = !goes && status.phase() == Phase.SUCCEEDED;
    boolean suspended = status.phase() == Phase.SUSPENDED;
    add(all, status, READY, ready, why, time);
    // also while suspended: to those who only know kstatus it is on its way, and must not look done
    add(all, status, RECONCILING, !ready && !stalled, why, time);
    add(all, status, STALLED, stalled, stalled ? why : new Why("NotStalled", ""), time);
    add(all, status, SUSPENDED, suspended, suspended ? why : notSuspended(status, why), time);
    for (Stage stage : Stage.inOrder()) {
      StageStatus of = status.of(stage);
      Why ofStage = switch (of.phase()) {
        case SUCCEEDED -> new Why("Completed", text(of.message()));
        case FAILED -> new Why(status.training().lastFailure().reason(), text(of.message()));
        case NOT_REQUESTED -> new Why("NotRequested", "outside spec.stages");
        case PENDING -> decision instanceof Decision.Blocked && stage == status.stage() ? why : new Why("Pending", "");
        case RESTARTING -> new Why("Restarting", text(of.message()));
        case SUSPENDED -> new Why("Suspended", text(of.message()));
        case RUNNING -> stage == status.stage() ? why : new Why("Running", "");
      };
      add(all, status, stage.condition(), of.phase() == StagePhase.SUCCEEDED,
          ofStage, time);
    }
    if (status.training().transport() != null && status.training().transport().gigabytesPerSecond() != null) {
      Transport transport = status.training().transport();
      add(all, status, FAST_TRANSPORT, !transport.slow(), new Why(transport.way(), transport.slow()
          ? transport.text() + SLOW : transport.text()), time);
    }
    return all;
  }

  private static Why why(FlowTrainingStatus status, Decision decision) {
    if (decision instanceof Decision.CleanUp cleaning) {
      return new Why("CleaningUp", cleaning.message());
    }
    if (status.phase() == Phase.SUCCEEDED) {
      return new Why("Completed", "all requested stages are complete");
    }
    if (status.phase() == Phase.FAILED) {
      return new Why(status.training().lastFailure().reason(),
          status.stage().id() + ": " + text(status.of(status.stage()).message()) + GO_ON);
    }
    if (status.phase() == Phase.SUSPENDED) {
      return new Why("Suspended", status.startTime() == null
          ? "nothing has started: set spec.suspend: false, and the run begins"
          : "no pod is left" + resumesFrom(status) + ": set spec.suspend: false, and the run goes on");
    }
    return switch (decision) {
      case Decision.Blocked blocked -> new Why(blocked.reason(), blocked.message());
      case Decision.Wait waiting when !waiting.reason().isEmpty() -> new Why(waiting.reason(), waiting.message());
      case Decision.Wait waiting when !waiting.message().isEmpty() ->
          new Why("Running", status.stage().id() + ": " + waiting.message());
      // the words of the next observation, which needs no write of its own then
      case Decision.Start start -> new Why("Running", status.stage().id() + ": "
          + JobOutcome.NotStarted.starting(status.of(start.stage()).jobName()));
      default -> status.phase() == Phase.SUSPENDING
          ? new Why("Suspending", status.stage().id() + ": stopping, training with a checkpoint first")
          : status.phase() == Phase.RESTARTING
          ? new Why("Restarting", status.stage().id() + ": " + text(status.of(status.stage()).message()))
          : new Why(status.phase().id(), status.stage().id() + text(status));
    };
  }

  private static String resumesFrom(FlowTrainingStatus status) {
    return status.stage().isTraining() && status.training().checkpoint() != null
        ? ", the last checkpoint is " + status.training().checkpoint().path() : "";
  }

  /** After a suspension the reason says so until the run ends: Suspended=False alone could be of any time. */
  private static Why notSuspended(FlowTrainingStatus status, Why why) {
    if (status.phase() == Phase.SUSPENDING) {
      return new Why("Suspending", why.message());
    }
    boolean was = status.inRun() && status.condition(SUSPENDED)
        .filter(c -> c.holds() || c.reason().equals("Suspending") || c.reason().equals("Resumed")).isPresent();
    return was ? new Why("Resumed", "") : new Why("NotSuspended", "");
  }

  private static String text(FlowTrainingStatus status) {
    String message = status.of(status.stage()).message();
    return message == null || message.isBlank() ? "" : ": " + message;
  }

  private static String text(String message) {
    return message == null ? "" : message;
  }

  /** The transition time stays while the status stays. */
  private static void add(List<Condition> all, FlowTrainingStatus status, String type, boolean value, Why why,
      String time) {
    String now = value ? "True" : "False";
    String since = status.condition(type).filter(old -> old.status().equals(now))
        .map(Condition::lastTransitionTime).orElse(time);
    all.add(new Condition(type, now, why.reason(), why.message().isEmpty() ? null : why.message(), since,
        status.observedGeneration()));
  }
}
