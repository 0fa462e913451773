package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.cpu;
import static dev.flowtraining.operator.Samples.job;
import static dev.flowtraining.operator.Samples.training;

import dev.flowtraining.operator.api.v1alpha1.Checkpoint;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.ClaimView;
import dev.flowtraining.operator.observe.ConfigSource;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.Observation.Former;
import dev.flowtraining.operator.observe.Progress;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Runs at work, and what is decided of them. */
final class Runs {

  static final JobView TRAIN = job(Stage.TRAIN, 1);

  private Runs() {
  }

  static Decision.Blocked blocked(FlowTraining ft, Map<String, ClaimView> claims, ConfigSource config,
      List<Former> former) {
    return (Decision.Blocked) decide(ft,
        new Observation(List.of(), List.of(), former, claims, config, Map.of(), Progress.none(), true));
  }

  static Decision decide(FlowTraining ft, Observation seen) {
    return StageMachine.decide(ft, seen, NOW);
  }

  /** In a run: everything before the stage is complete. */
  static FlowTraining inRun(Stage stage, StagePhase phase, int attempt) {
    return inRun(stage, phase, attempt, cpu(), Optional.empty());
  }

  static FlowTraining inRun(Stage stage, StagePhase phase, int attempt, FlowTraining ft,
      Optional<String> config) {
    return inRun(stage, StageStep.WHOLE, phase, attempt, ft, config);
  }

  static FlowTraining inRun(String more, Stage stage, StageStep step, StagePhase phase, int attempt) {
    return inRun(stage, step, phase, attempt,
        training("config: {preset: tiny}\ntraining: {gpus: 2, device: cpu}\n" + more), Optional.empty());
  }

  static FlowTraining inRun(Stage stage, StageStep step, StagePhase phase, int attempt, FlowTraining ft,
      Optional<String> config) {
    Map<Stage, String> hashes = InputHash.of(ft.getSpec(), config);
    String begun = NOW.minusSeconds(600).toString();
    FlowTrainingStatus status = FlowTrainingStatus.empty().begun("image", begun).observed(1L);
    for (Stage s : Stage.inOrder()) {
      StageStatus pending = StageStatus.pending(s).reset(StagePhase.PENDING, hashes.get(s));
      status = status.with(s.number() < stage.number()
          ? pending.started("job", StageStep.WHOLE, 1, 1, begun).ended(StagePhase.SUCCEEDED, NOW.minusSeconds(300).toString(), null)
          : pending);
    }
    StageStatus current = status.of(stage);
    if (attempt > 0) {
      current = current.started("demo-" + stage.id() + "-" + attempt, step, 3, attempt, begun);
    }
    if (phase == StagePhase.RESTARTING) {
      current = current.restarting(false, "m").backingOff(NOW.plusSeconds(10).toString());
      status = status.withPhase(Phase.RESTARTING)
          .withTraining(status.training().withCheckpoint(new Checkpoint("exp/flow_model/attempt-1/step_5.pt", 5L, 1,
              null)));
    }
    ft.setStatus(status.with(current.withPhase(phase)));
    return ft;
  }
}
