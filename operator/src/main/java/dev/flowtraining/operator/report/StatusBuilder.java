package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.TrainingStatus;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.decide.InputHash;
import dev.flowtraining.operator.observe.ImageDigest;
import dev.flowtraining.operator.observe.Observation;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** The status after a decision. Nothing else writes conditions. */
public final class StatusBuilder {

  public static final String READY = "Ready";
  public static final String RECONCILING = "Reconciling";
  public static final String STALLED = "Stalled";
  public static final String SUSPENDED = "Suspended";
  public static final String FAST_TRANSPORT = "FastTransport";

  private StatusBuilder() {
  }

  /**
   * @param image the trainer image that a run that begins now is pinned to
   */
  public static FlowTrainingStatus next(FlowTraining ft, Observation seen, Decision decision, String image,
      Instant now) {
    String time = now.truncatedTo(ChronoUnit.SECONDS).toString();
    FlowTrainingStatus status = withAllStages(ft.getSpec(), ft.getStatus());
    FlowTrainingStatus next = switch (decision) {
      case Decision.Idle idle -> nothingLeft(ft.getSpec(), status, time);
      case Decision.Wait waiting -> anew(ft) ? status.withPhase(Phase.PENDING) : status;
      case Decision.TearDown down -> anew(ft) ? status.withPhase(Phase.PENDING) : status;
      case Decision.Blocked blocked -> inProgress(status) ? status : status.withPhase(Phase.PENDING);
      case Decision.Begin begin -> begun(ft.getSpec(), status, begin, image, time);
      case Decision.Start start -> started(ft, status, start, time);
      case Decision.Complete complete -> completed(ft.getSpec(), status, complete.stage(), seen, time);
      case Decision.Restart restart -> restarting(status, restart);
      case Decision.BackOff wait -> status.with(status.of(wait.stage())
          // rounded up: the back-off is at least what the policy says
          .backingOff(wait.notBefore().plusMillis(999).truncatedTo(ChronoUnit.SECONDS).toString()));
      case Decision.Suspend suspend -> suspending(status, suspend.stage(), time);
      case Decision.Suspended suspended -> suspended(ft, status);
      case Decision.Expire expire -> status.withRun(status.run().childrenDeleted(time));
      case Decision.CleanUp cleaning -> status;
      case Decision.Release release -> status;
      case Decision.Fail fail -> failed(status, fail, time);
    };
    next = next.withAttempts(AttemptHistory.after(ft, next, decision, time));
    next = next.withRun(next.run().withSpecHash(InputHash.ofSpec(ft.getSpec())));
    next = pinned(shown(ft.getSpec(), next), seen).observed(ft.getMetadata().getGeneration());
    return next.withConditions(Conditions.of(next, decision, time));
  }

  /** All later pods of the run get the image that the first one got, wherever its tag points to by then. */
  private static FlowTrainingStatus pinned(FlowTrainingStatus status, Observation seen) {
    return !inProgress(status) ? status : status.stages().stream().filter(s -> s.phase() == StagePhase.RUNNING)
        .flatMap(s -> seen.pods(s.name(), s.jobStep(), s.attempt()).stream()).flatMap(p -> p.containers().stream())
        .flatMap(c -> ImageDigest.of(status.image(), c.imageId()).stream()).findFirst()
        .map(status::withImage).orElse(status);
  }

  private static boolean inProgress(FlowTrainingStatus status) {
    return status.phase() != null && status.phase().isInProgress();
  }

  /** A changed spec of a run that has ended is being looked at: it is not at its end any more. */
  private static boolean anew(FlowTraining ft) {
    FlowTrainingStatus status = ft.getStatus();
    return status.phase() != null && status.phase().isTerminal() && InputHash.asksAnew(ft);
  }

  /** The spec may have come to ask for less: then what failed does not matter, and what was done is not asked for. */
  private static FlowTrainingStatus nothingLeft(FlowTrainingSpec spec, FlowTrainingStatus status, String time) {
    if (!allComplete(spec, status)) {
      return status;
    }
    FlowTrainingStatus requested = status.withStages(status.stages().stream()
        .map(s -> spec.stages().contains(s.name()) ? s : s.withPhase(StagePhase.NOT_REQUESTED)).toList());
    return status.phase() == Phase.SUCCEEDED ? requested : requested.ended(Phase.SUCCEEDED, time);
  }

  private static boolean allComplete(FlowTrainingSpec spec, FlowTrainingStatus status) {
    return Stage.inOrder().stream()
        .allMatch(s -> !spec.stages().contains(s) || status.of(s).phase() == StagePhase.SUCCEEDED);
  }

  /** From the first write on, every stage has its line. */
  private static FlowTrainingStatus withAllStages(FlowTrainingSpec spec, FlowTrainingStatus status) {
    FlowTrainingStatus all = status.phase() == null ? status.withPhase(Phase.PENDING) : status;
    if (!all.stages().isEmpty()) {
      return all;
    }
    return all.withStages(Stage.inOrder().stream()
        .map(s -> spec.stages().contains(s) ? StageStatus.pending(s)
            : StageStatus.pending(s).withPhase(StagePhase.NOT_REQUESTED))
        .toList());
  }

  private static FlowTrainingStatus begun(FlowTrainingSpec spec, FlowTrainingStatus status, Decision.Begin begin,
      String image, String time) {
    List<StageStatus> stages = new ArrayList<>();
    boolean again = asksAgain(spec, status);
    for (Stage stage : Stage.inOrder()) {
      StageStatus old = status.of(stage);
      String hash = begin.hashes().get(stage);
      if (!spec.stages().contains(stage)) {
        stages.add(old.reset(StagePhase.NOT_REQUESTED, old.inputHash()));
      } else if (stage.number() < begin.first().number()) {
        stages.add(old);
      } else {
        boolean stopped = status.inRun() && old.phase() == StagePhase.SUSPENDED;
        boolean goesOn = stopped && !again && hash.equals(old.inputHash());
        stages.add(goesOn ? old : old.reset(StagePhase.PENDING, hash));
      }
    }
    FlowTrainingStatus to = status.withStages(stages).withRun(status.run().begun(spec.stages().wish().orElse(null)));
    FlowTrainingStatus begun = status.inRun() ? to.resumed(image) : to.begun(image, time);
    boolean trainsAnew = spec.stages().contains(Stage.TRAIN) && begin.first().number() <= Stage.TRAIN.number();
    boolean exportsAnew = spec.stages().contains(Stage.EXPORT);
    FlowTrainingStatus cleared = exportsAnew ? begun.withArtifacts(List.of()) : begun;
    return trainsAnew ? cleared.withTraining(fresh(status, begin,
        again && spec.stages().again().orElseThrow().number() <= Stage.TRAIN.number())) : cleared;
  }

  private static boolean asksAgain(FlowTrainingSpec spec, FlowTrainingStatus status) {
    return spec.stages().wish().filter(w -> !w.equals(status.run().rerun())).isPresent();
  }

  /** Values of the former run go; the checkpoint stays when the same training goes on after a failure. */
  private static TrainingStatus fresh(FlowTrainingStatus status, Decision.Begin begin, boolean again) {
    TrainingStatus old = status.training();
    boolean same = !again && begin.hashes().get(Stage.TRAIN).equals(status.of(Stage.TRAIN).inputHash());
    if (same && status.inRun()) {
      return old;
    }
    return TrainingStatus.empty()
        .withAttempts(old.attempt(), old.restarts(), old.disruptions())
        .withCheckpoint(same ? old.checkpoint() : null);
  }

  private static FlowTrainingStatus started(FlowTraining ft, FlowTrainingStatus status, Decision.Start start,
      String time) {
    StageStatus stage = status.of(start.stage())
        .started(Names.job(ft, start.stage(), start.step(), start.attempt()), start.step(),
            ft.getSpec().parallelism(start.stage()), start.attempt(), time);
    FlowTrainingStatus next = status.with(stage).withPhase(Phase.RUNNING);
    return counted(start.stage().isTraining() ? next.withTraining(next.training().active(time).withTransport(null)) : next);
  }

  private static FlowTrainingStatus completed(FlowTrainingSpec spec, FlowTrainingStatus status, Stage stage,
      Observation seen, String time) {
    StageStatus old = status.of(stage);
    FlowTrainingStatus next = status.with(old.ended(StagePhase.SUCCEEDED, time,
        seen.progress().records().getOrDefault(stage, old.message())));
    if (stage.isTraining()) {
      TrainingStatus training = next.training().inactive(time).withoutEstimate();
      next = next.withTraining(seen.progress().trained().map(training::filled).orElse(training));
    } else if (stage == Stage.EXPORT) {
      next = next.withArtifacts(seen.progress().artifacts());
    }
    return allComplete(spec, next) ? next.ended(Phase.SUCCEEDED, time) : next.withPhase(Phase.RUNNING);
  }

  private static FlowTrainingStatus restarting(FlowTrainingStatus status, Decision.Restart restart) {
    StageStatus stage = status.of(restart.stage()).restarting(restart.failureClass() == FailureClass.DISRUPTION,
        Story.describe(restart.failure().details()));
    return counted(status.with(stage).withPhase(Phase.RESTARTING).withTraining(status.training()
        .withLastFailure(restart.failure().details().countingAs(restart.failureClass())).withoutEstimate()));
  }

  /** A stage that was at work or between two attempts is stopped; one that had not begun keeps waiting for its turn. */
  private static FlowTrainingStatus suspending(FlowTrainingStatus status, Stage stage, String time) {
    StageStatus old = status.of(stage);
    boolean begun = old.phase() == StagePhase.RUNNING || old.phase() == StagePhase.RESTARTING;
    FlowTrainingStatus next = begun ? status.with(old.suspended("stopped at " + old.progress() + "%")) : status;
    return counted(next.withPhase(Phase.SUSPENDING).withTraining(next.training().inactive(time)
        .withoutEstimate()));
  }

  /** Also of a run that has ended and whose spec asks for more: it will not be at its end when it goes on. */
  private static FlowTrainingStatus suspended(FlowTraining ft, FlowTrainingStatus status) {
    return anew(ft) ? status.begun(status.image(), null).withPhase(Phase.SUSPENDED) : status.withPhase(Phase.SUSPENDED);
  }

  private static FlowTrainingStatus failed(FlowTrainingStatus status, Decision.Fail fail, String time) {
    return status.with(status.of(fail.stage()).ended(StagePhase.FAILED, time, fail.message()))
        .withTraining(status.training().withLastFailure(fail.failure().details().countingAs(fail.failureClass()))
            .inactive(time).withoutEstimate())
        .ended(Phase.FAILED, time);
  }

  /** The counters of the training stage, where people look for them. */
  private static FlowTrainingStatus counted(FlowTrainingStatus status) {
    StageStatus train = status.of(Stage.TRAIN);
    return status.withTraining(status.training().withAttempts(
        train.attempt() == 0 ? null : train.attempt(), train.restarts(), train.disruptions()));
  }

  private static FlowTrainingStatus shown(FlowTrainingSpec spec, FlowTrainingStatus status) {
    List<StageStatus> requested = status.stages().stream().filter(s -> spec.stages().contains(s.name())).toList();
    StageStatus stage = requested.stream().filter(s -> s.phase() != StagePhase.SUCCEEDED).findFirst()
        .orElse(requested.getLast());
    return status.withShown(stage.name(), (stage.progress() == null ? 0 : stage.progress()) + "%");
  }
}
