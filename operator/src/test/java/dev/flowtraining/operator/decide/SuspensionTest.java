package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.complete;
import static dev.flowtraining.operator.Samples.deleted;
import static dev.flowtraining.operator.Samples.exited;
import static dev.flowtraining.operator.Samples.failed;
import static dev.flowtraining.operator.Samples.job;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.running;
import static dev.flowtraining.operator.Samples.seeing;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.Checkpoint;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.report.StatusBuilder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SuspensionTest {

  private static final JobView TRAIN = job(Stage.TRAIN, 1);

  private FlowTraining ft = training(2, false);

  @Test
  void whatRunsIsEndedAndTheGpusAreFreeWhenTheLastPodIsGone() {
    toTraining();
    wish(true);
    Observation busy = seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running()), pod(TRAIN, 1, running())));
    assertThat(move(busy)).isEqualTo(new Decision.Suspend(Stage.TRAIN));
    assertThat(move(busy)).isEqualTo(new Decision.TearDown(Stage.TRAIN, List.of("demo-train-1")));
    assertThat(move(seeing(List.of(), List.of(deleted(pod(TRAIN, 0, running()), NOW))))).isInstanceOfSatisfying(
        Decision.Wait.class, w -> assertThat(w.message()).contains("pod demo-train-1-0"));
    assertThat(ft.getStatus().phase()).isEqualTo(Phase.SUSPENDING);
    assertThat(move(nothing())).isEqualTo(new Decision.Suspended());
    assertThat(ft.getStatus().phase()).isEqualTo(Phase.SUSPENDED);
    FlowTrainingStatus suspended = ft.getStatus();
    assertThat(move(nothing())).isEqualTo(new Decision.Suspended());
    assertThat(ft.getStatus()).as("nothing to write").isEqualTo(suspended);
  }

  @Test
  void itGoesOnFromTheCheckpointWithAnotherNumberOfGpus() {
    toTraining();
    wish(true);
    suspend();
    ft = Samples.with(training(4, false), ft.getStatus());
    assertThat(move(nothing())).isInstanceOfSatisfying(Decision.Begin.class,
        b -> assertThat(b.first()).isEqualTo(Stage.TRAIN));
    assertThat(ft.getStatus().of(Stage.PARQUET).phase()).isEqualTo(StagePhase.SUCCEEDED);
    assertThat(move(nothing())).isEqualTo(
        new Decision.Start(Stage.TRAIN, 2, false, Optional.of("exp/flow_model/attempt-1/step_9.pt")));
    assertThat(ft.getStatus().attempts().getLast().ranks()).isEqualTo(4);
    assertThat(ft.getStatus().training().restarts()).isZero();
    assertThat(ft.getStatus().training().disruptions()).isEqualTo(1);
  }

  @Test
  void anotherConfigurationRunsAgainWhatItConcerns() {
    toTraining();
    wish(true);
    suspend();
    ft = Samples.with(Samples.training("training: {gpus: 2, device: cpu}\nmodels: {init: flow.pt, volume: "
        + "{persistentVolumeClaim: {claimName: speech}}}"), ft.getStatus());
    assertThat(move(nothing())).isInstanceOfSatisfying(Decision.Begin.class,
        b -> assertThat(b.first()).as("the first stage that reads models").isEqualTo(Stage.SPEAKER_EMBEDDING));
    assertThat(ft.getStatus().training().checkpoint()).as("of other input").isNull();
    assertThat(ft.getStatus().of(Stage.TRAIN).phase()).isEqualTo(StagePhase.PENDING);
  }

  @Test
  void aWishThatIsTakenBackWaitsForTheLastPodToo() {
    toTraining();
    wish(true);
    Observation busy = seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running()), pod(TRAIN, 1, running())));
    move(busy);
    wish(false);
    assertThat(move(busy)).isInstanceOf(Decision.TearDown.class);
    assertThat(move(seeing(List.of(), List.of(pod(TRAIN, 0, running()))))).isInstanceOf(Decision.Wait.class);
    assertThat(move(nothing())).isInstanceOf(Decision.Begin.class);
    assertThat(move(nothing())).isInstanceOfSatisfying(Decision.Start.class,
        s -> assertThat(s.attempt()).isEqualTo(2));
  }

  @Test
  void whatEndsByItselfMeanwhileCountsAsThat() {
    toTraining();
    wish(true);
    assertThat(StageMachine.decide(ft, seeing(List.of(complete(TRAIN)), List.of()), NOW))
        .isEqualTo(new Decision.Complete(Stage.TRAIN));
    assertThat(StageMachine.decide(ft, seeing(List.of(failed(TRAIN, NOW)),
        List.of(pod(TRAIN, 0, exited(64, NOW)), pod(TRAIN, 1, running()))), NOW)).isInstanceOf(Decision.Fail.class);
    Observation busy = seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running()), pod(TRAIN, 1, running())));
    move(busy);
    assertThat(move(seeing(List.of(complete(TRAIN)), List.of()))).isEqualTo(new Decision.Complete(Stage.TRAIN));
    assertThat(move(nothing())).as("before the next stage").isEqualTo(new Decision.Suspend(Stage.AVERAGE));
    assertThat(move(nothing())).isEqualTo(new Decision.Suspended());
    assertThat(ft.getStatus().of(Stage.TRAIN).phase()).isEqualTo(StagePhase.SUCCEEDED);
    wish(false);
    move(nothing());
    assertThat(move(nothing())).isEqualTo(new Decision.Start(Stage.AVERAGE, 1, false, Optional.empty()));
  }

  @Test
  void aBackOffIsNotWaitedFor() {
    toTraining();
    move(seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, exited(1, NOW)), pod(TRAIN, 1, running()))));
    assertThat(ft.getStatus().phase()).isEqualTo(Phase.RESTARTING);
    wish(true);
    assertThat(move(nothing())).isEqualTo(new Decision.Suspend(Stage.TRAIN));
    assertThat(move(nothing())).isEqualTo(new Decision.Suspended());
    assertThat(ft.getStatus().training().restarts()).isEqualTo(1);
    assertThat(ft.getStatus().training().disruptions()).as("nothing was at work").isZero();
  }

  @Test
  void nothingBeginsWhileSuspended() {
    wish(true);
    assertThat(move(nothing())).isEqualTo(new Decision.Suspended());
    assertThat(ft.getStatus().condition("Suspended").orElseThrow().message()).contains("nothing has started");
    wish(false);
    assertThat(move(nothing())).isInstanceOf(Decision.Begin.class);
    assertThat(ft.getStatus().condition("Suspended").orElseThrow().reason()).isEqualTo("Resumed");
  }

  @Test
  void aChangeAfterTheEndWaitsToo() {
    toTraining();
    ft.setStatus(ft.getStatus().ended(Phase.SUCCEEDED, NOW.toString()));
    ft = Samples.with(training(4, true), ft.getStatus());
    ft.getMetadata().setGeneration(2L);
    assertThat(move(nothing())).isEqualTo(new Decision.Suspended());
    assertThat(ft.getStatus().completionTime()).isNull();
    wish(false);
    assertThat(move(nothing())).isInstanceOf(Decision.Begin.class);
    assertThat(ft.getStatus().startTime()).isNotNull();
  }

  private Decision move(Observation seen) {
    Decision decision = StageMachine.decide(ft, seen, NOW);
    ft = Samples.with(ft, StatusBuilder.next(ft, seen, decision, "image", NOW));
    return decision;
  }

  private void suspend() {
    move(seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running()), pod(TRAIN, 1, running()))));
    move(nothing());
    assertThat(ft.getStatus().phase()).isEqualTo(Phase.SUSPENDED);
  }

  private void wish(boolean suspend) {
    ft = Samples.with(training(ft.getSpec().training().gpus(), suspend), ft.getStatus());
  }

  private static FlowTraining training(int gpus, boolean suspend) {
    return Samples.training("training: {gpus: " + gpus + ", device: cpu}\nsuspend: " + suspend + "\n");
  }

  /** Attempt 1 of stage 4 runs, and has a checkpoint. */
  private void toTraining() {
    Map<Stage, String> hashes = InputHash.of(ft.getSpec(), Optional.empty());
    move(nothing());
    FlowTrainingStatus status = ft.getStatus();
    for (Stage stage : Stage.inOrder().subList(0, Stage.TRAIN.number())) {
      status = status.with(status.of(stage).reset(StagePhase.PENDING, hashes.get(stage))
          .ended(StagePhase.SUCCEEDED, NOW.toString(), null));
    }
    ft.setStatus(status);
    assertThat(move(nothing())).isEqualTo(new Decision.Start(Stage.TRAIN, 1, false, Optional.empty()));
    ft.setStatus(ft.getStatus().withTraining(ft.getStatus().training().withCheckpoint(
        new Checkpoint("exp/flow_model/attempt-1/step_9.pt", 9L, 1, null))));
  }
}
