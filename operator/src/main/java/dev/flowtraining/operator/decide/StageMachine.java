package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.observe.Observation;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** One stage after the other, each to its end: a pure function of spec, status, observation and clock. */
public final class StageMachine {

  /** How soon to look again at what no event announces. */
  static final Duration RECHECK = Duration.ofSeconds(5);

  private StageMachine() {
  }

  public static Decision decide(FlowTraining ft, Observation seen, Instant now) {
    return switch (ft.getStatus().phase()) {
      case null -> Beginning.of(ft, seen, now);
      case PENDING, SUSPENDED -> Beginning.of(ft, seen, now);
      case RUNNING, RESTARTING ->
          Deadline.bounds(ft, current(ft), atWork(ft, current(ft), seen, now), now);
      case SUSPENDING -> Suspension.goOn(ft, current(ft), seen, now);
      case SUCCEEDED, FAILED ->
          InputHash.asksAnew(ft) ? Beginning.of(ft, seen, now) : Ending.of(ft, seen, now);
    };
  }

  private static Decision atWork(FlowTraining ft, Stage stage, Observation seen, Instant now) {
    StagePhase phase = ft.getStatus().of(stage).phase();
    if (phase == StagePhase.RUNNING) {
      return AttemptWatch.of(ft, stage, seen, now);
    }
    if (ft.getSpec().suspend()) {
      return new Decision.Suspend(stage);
    }
    return switch (phase) {
      case PENDING, NOT_REQUESTED, SUSPENDED ->
          NextAttempt.start(ft, stage, Steps.first(ft.getSpec(), stage), seen, now);
      case RESTARTING -> NextAttempt.afterFailure(ft, stage, seen, now);
      case RUNNING, SUCCEEDED, FAILED -> new Decision.Idle();
    };
  }

  /** The stage whose turn it is. */
  private static Stage current(FlowTraining ft) {
    Optional<Stage> unfinished = Stage.inOrder().stream()
        .filter(s -> ft.getSpec().stages().contains(s) && ft.getStatus().of(s).phase() != StagePhase.SUCCEEDED)
        .findFirst();
    return unfinished.orElse(Stage.EXPORT);
  }
}
