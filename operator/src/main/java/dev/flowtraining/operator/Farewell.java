package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.apply.Applier;
import dev.flowtraining.operator.apply.Refusal;
import dev.flowtraining.operator.build.Children;
import dev.flowtraining.operator.build.CleanUpJob;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.decide.Deletion;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.Observer;
import dev.flowtraining.operator.report.Reporter;
import dev.flowtraining.operator.report.StatusBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import java.time.Clock;
import java.time.Instant;
import java.util.function.Function;

/**
 * The reconcile of a FlowTraining that is deleted: the same five calls. Only one with files to remove is kept by a
 * finalizer; others go at once, and their children with them.
 */
final class Farewell {

  private final Clock clock;
  private final Observer observer;
  private final Applier applier;
  private final Reporter reporter;
  private final TensorBoardRound tensorBoard;
  private final Function<FlowTraining, String> image;

  Farewell(Clock clock, Observer observer, Applier applier, Reporter reporter, TensorBoardRound tensorBoard,
      Function<FlowTraining, String> image) {
    this.clock = clock;
    this.observer = observer;
    this.applier = applier;
    this.reporter = reporter;
    this.tensorBoard = tensorBoard;
    this.image = image;
  }

  /** With the finalizer if there will be something to do, and without it if not. */
  FlowTraining withFinalizer(FlowTraining ft, Context<FlowTraining> context) {
    boolean wanted = CleanUpJob.wanted(ft);
    if (wanted == ft.hasFinalizer(CleanUpJob.FINALIZER)) {
      return ft;
    }
    return wanted ? context.resourceOperations().addFinalizer(CleanUpJob.FINALIZER)
        : context.resourceOperations().removeFinalizer(CleanUpJob.FINALIZER);
  }

  UpdateControl<FlowTraining> reconcile(FlowTraining ft, Context<FlowTraining> context) {
    UpdateControl<FlowTraining> done = UpdateControl.noUpdate();
    // the cache may not know yet that it was let go
    if (!ft.hasFinalizer(CleanUpJob.FINALIZER) || !observer.isHeld(ft)) {
      return done;
    }
    Instant now = clock.instant();
    Observation seen = observer.observe(ft, context, now);
    Decision decision = CleanUpJob.wanted(ft) ? Deletion.decide(ft, seen, observer.cleanUp(ft), now)
        : new Decision.Release("");
    // it goes before the files that it has open
    TensorBoardRound.Outcome board = tensorBoard.reconcile(ft, decision, seen, context);
    if (!(decision instanceof Decision.Release)) {
      decision = apply(ft, decision, Children.of(ft, decision, seen, image.apply(ft)), now);
    }
    if (decision instanceof Decision.Release release) {
      if (CleanUpJob.wanted(ft)) {
        reporter.gone(ft, release, now);
      }
      context.resourceOperations().removeFinalizer(CleanUpJob.FINALIZER);
      // only now: a Job that is missed while it is held would be made again
      applier.apply(ft, Children.of(ft, release, seen, image.apply(ft)), false);
      return done;
    }
    FlowTrainingStatus next = StatusBuilder.next(ft, seen, decision, image.apply(ft), now)
        .withTensorBoard(board.status());
    reporter.report(ft, ft.getStatus(), next, decision, now, context.resourceOperations()::updatePrimaryStatus);
    Schedule.after(decision, seen, now).ifPresent(done::rescheduleAfter);
    return done;
  }

  private Decision apply(FlowTraining ft, Decision decision, Children children, Instant now) {
    try {
      applier.apply(ft, children, false);
      return decision;
    } catch (KubernetesClientException e) {
      Decision.Blocked refusal = Refusal.of(e).orElseThrow(() -> e);
      return Deletion.refused(ft, refusal.message(), Refusal.byDeletedNamespace(e), now);
    }
  }
}
