package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.complete;
import static dev.flowtraining.operator.Samples.deleted;
import static dev.flowtraining.operator.Samples.disrupted;
import static dev.flowtraining.operator.Samples.exited;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.running;
import static dev.flowtraining.operator.Samples.seeing;
import static dev.flowtraining.operator.Samples.suspended;
import static dev.flowtraining.operator.decide.Runs.TRAIN;
import static dev.flowtraining.operator.decide.Runs.decide;
import static dev.flowtraining.operator.decide.Runs.inRun;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.observe.ConfigSource;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.Progress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What becomes of an attempt, and what follows from that. */
class StageMachineTest {

  @Test
  void aQueueThatTakesItsQuotaBackDisrupts() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RUNNING, 1);
    JobView queued = suspended(TRAIN);
    assertThat(decide(ft, seeing(List.of(queued), List.of()))).isInstanceOfSatisfying(Decision.Wait.class,
        w -> assertThat(w.reason()).isEqualTo("Queued"));
    assertThat(decide(ft, seeing(List.of(queued), List.of(pod(TRAIN, 0, running()), pod(TRAIN, 1, running())))))
        .as("the cache has not seen yet that it was let go").isInstanceOf(Decision.Wait.class);
    assertThat(decide(ft, seeing(List.of(queued), List.of(deleted(pod(TRAIN, 0, running()), NOW)))))
        .isInstanceOfSatisfying(Decision.Restart.class, r -> {
          assertThat(r.failureClass()).isEqualTo(FailureClass.DISRUPTION);
          assertThat(r.failure().details().reason()).isEqualTo("Preempted");
        });
    Progress ran = Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":1,"time":"%s","fraction":0.5}""".formatted(NOW)));
    Observation unseen = new Observation(List.of(queued), List.of(), List.of(), nothing().claims(), ConfigSource.none(),
        Map.of(), ran, true);
    assertThat(decide(ft, unseen)).as("its pods went while nobody looked").isInstanceOf(Decision.Restart.class);
  }

  @Test
  void aCompleteJobCompletesItsStage() {
    assertThat(decide(inRun(Stage.TRAIN, StagePhase.RUNNING, 1), seeing(List.of(complete(TRAIN)), List.of())))
        .isEqualTo(new Decision.Complete(Stage.TRAIN));
  }

  @Test
  void aDisruptionIsARestartOfItsOwnClass() {
    Decision decision = decide(inRun(Stage.TRAIN, StagePhase.RUNNING, 1), seeing(List.of(TRAIN),
        List.of(pod(TRAIN, 0, running()), disrupted(pod(TRAIN, 1, running()), "EvictionByEvictionAPI", NOW))));
    assertThat(decision).isInstanceOfSatisfying(Decision.Restart.class, r -> {
      assertThat(r.failureClass()).isEqualTo(FailureClass.DISRUPTION);
    });
  }

  @Test
  void aVanishedJobIsAFailureLikeOthers() {
    assertThat(decide(inRun(Stage.TRAIN, StagePhase.RUNNING, 1), nothing())).isInstanceOfSatisfying(
        Decision.Restart.class, r -> assertThat(r.failure().details().reason()).isEqualTo("JobDeleted"));
  }

  @Test
  void noProgressForTooLongIsAFailure() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RUNNING, 1);
    Observation atWork = seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running()), pod(TRAIN, 1, running())));
    Progress met = Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":1,"time":"%s","fraction":0,"ranks":2}""".formatted(NOW)));
    Observation busy = new Observation(atWork.jobs(), atWork.pods(), List.of(), atWork.claims(), ConfigSource.none(),
        Map.of(), met, true);
    assertThat(StageMachine.decide(ft, busy, NOW.plus(Duration.ofMinutes(29)))).isInstanceOf(Decision.Wait.class);
    assertThat(StageMachine.decide(ft, busy, NOW.plus(Duration.ofMinutes(31)))).isInstanceOfSatisfying(
        Decision.Restart.class, r -> assertThat(r.failure().details().reason()).isEqualTo("NoProgress"));
    Progress alive = Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":1,"time":"%s","fraction":0.5,"ranks":2}""".formatted(
        NOW.plus(Duration.ofMinutes(20)))));
    Observation reported = new Observation(busy.jobs(), busy.pods(), List.of(), busy.claims(), ConfigSource.none(),
        Map.of(), alive, true);
    assertThat(StageMachine.decide(ft, reported, NOW.plus(Duration.ofMinutes(31)))).isInstanceOf(Decision.Wait.class);
  }

  @Test
  void theNextAttemptWaitsForTheLastPodAndTheBackOff() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RESTARTING, 1);
    assertThat(decide(ft, seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running())))))
        .isEqualTo(new Decision.TearDown(Stage.TRAIN, List.of("demo-train-1")));
    assertThat(decide(ft, seeing(List.of(), List.of(pod(TRAIN, 0, exited(137, NOW)))))).isInstanceOfSatisfying(
        Decision.Wait.class, w -> assertThat(w.message()).contains("demo-train-1-0"));
    assertThat(decide(ft, nothing())).isInstanceOfSatisfying(Decision.Wait.class,
        w -> assertThat(w.recheck()).contains(NOW.plusSeconds(10)));
    assertThat(StageMachine.decide(ft, nothing(), NOW.plusSeconds(10))).isEqualTo(
        new Decision.Start(Stage.TRAIN, 2, false, Optional.of("exp/flow_model/attempt-1/step_5.pt")));
  }

  @Test
  void theBackOffBeginsWhenTheLastPodIsGone() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RESTARTING, 1);
    FlowTrainingStatus status = ft.getStatus();
    ft.setStatus(status.with(status.of(Stage.TRAIN).restarting(false, "again").backingOff(null)));
    Instant later = NOW.plus(Duration.ofMinutes(7));
    assertThat(StageMachine.decide(ft, seeing(List.of(), List.of(pod(TRAIN, 0, running()))), later))
        .isInstanceOf(Decision.Wait.class);
    assertThat(StageMachine.decide(ft, nothing(), later)).as("the second failure in a row")
        .isEqualTo(new Decision.BackOff(Stage.TRAIN, later.plusSeconds(20)));
  }

  @Test
  void anEndedRunStaysEnded() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.FAILED, 1);
    ft.setStatus(ft.getStatus().ended(Phase.FAILED, NOW.toString()).observed(1L).withShown(Stage.TRAIN, "0%"));
    assertThat(decide(ft, nothing())).isEqualTo(new Decision.Idle());
    Observation lingering = seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running(), exited(64, NOW))));
    assertThat(decide(ft, lingering)).isInstanceOf(Decision.Wait.class);
    assertThat(StageMachine.decide(ft, lingering, NOW.plus(Ending.LINGER)))
        .isEqualTo(new Decision.TearDown(Stage.TRAIN, List.of("demo-train-1")));
    ft.getMetadata().setGeneration(2L);
    assertThat(decide(ft, nothing())).isInstanceOf(Decision.Begin.class);
  }
}
