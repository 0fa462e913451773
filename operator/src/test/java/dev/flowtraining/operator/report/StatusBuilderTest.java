package dev.flowtraining.operator.report;

import static dev.flowtraining.operator.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.AttemptOutcome;
import dev.flowtraining.operator.api.v1alpha1.AttemptStatus;
import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.Transport;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.decide.InputHash;
import dev.flowtraining.operator.decide.StageMachine;
import dev.flowtraining.operator.observe.Failure;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StatusBuilderTest {

  private final FlowTraining ft =
      Samples.training("stages: {from: train, to: average}\ntraining: {gpus: 2, device: cpu}\n");
  private Instant now = NOW;

  @Test
  void theFirstWriteHasEverything() {
    FlowTrainingStatus first = next(new Decision.Blocked("VolumeClaimNotFound", "create it", true));
    assertThat(first.observedGeneration()).isEqualTo(1);
    assertThat(first.phase()).isEqualTo(Phase.PENDING);
    assertThat(first.stages()).hasSize(7);
    assertThat(first.of(Stage.PARQUET).phase()).isEqualTo(StagePhase.NOT_REQUESTED);
    assertThat(condition(first, "Stalled")).extracting(Condition::status, Condition::reason)
        .containsExactly("True", "VolumeClaimNotFound");
    assertThat(condition(first, "Reconciling").status()).isEqualTo("False");
    assertThat(condition(first, "ParquetWritten").reason()).isEqualTo("NotRequested");
    assertThat(first.conditions()).hasSize(11);
  }

  @Test
  void transitionTimesStayWhileNothingChanges() {
    begin();
    Condition before = condition(ft.getStatus(), "Reconciling");
    now = now.plusSeconds(60);
    FlowTrainingStatus later = next(new Decision.Wait(Stage.TRAIN, "Unschedulable", "no GPU", Optional.empty()));
    assertThat(condition(later, "Reconciling").lastTransitionTime()).isEqualTo(before.lastTransitionTime());
    assertThat(condition(later, "Reconciling").reason()).isEqualTo("Unschedulable");
    assertThat(condition(later, "Trained").message()).isEqualTo("no GPU");
    ft.setStatus(later);
    now = now.plusSeconds(60);
    assertThat(next(new Decision.Wait(Stage.TRAIN, "Unschedulable", "no GPU", Optional.empty())))
        .as("nothing to write").isEqualTo(later);
  }

  @Test
  void aRestartIsCountedOnceAndTold() {
    begin();
    FlowTrainingStatus before = ft.getStatus();
    Failure failure = new Failure(Failure.Cause.EXITED, new LastFailure("train", 1, 1, "n1", 137, "Killed", "killed",
        "t"), now);
    FlowTrainingStatus after = next(new Decision.Restart(Stage.TRAIN, failure, FailureClass.RETRYABLE));
    assertThat(after.phase()).isEqualTo(Phase.RESTARTING);
    assertThat(after.training().restarts()).isEqualTo(1);
    assertThat(after.training().lastFailure().rank()).isEqualTo(1);
    assertThat(after.training().lastFailure().countsAs()).isEqualTo(FailureClass.RETRYABLE);
    assertThat(after.of(Stage.TRAIN).nextAttemptTime()).as("its pods are still there").isNull();
    assertThat(after.attempts()).singleElement().satisfies(a -> {
      assertThat(a.outcome()).isEqualTo(AttemptOutcome.FAILED);
      assertThat(a.reason()).isEqualTo("Killed");
      assertThat(a.completionTime()).isEqualTo(now.toString());
      assertThat(a.ranks()).isEqualTo(2);
    });
    ft.setStatus(after);
    assertThat(next(new Decision.BackOff(Stage.TRAIN, now.plusMillis(10_500))).of(Stage.TRAIN).nextAttemptTime())
        .isEqualTo(now.plusSeconds(11).toString());
    assertThat(condition(after, "Reconciling").status()).isEqualTo("True");
    assertThat(Story.between(before, after)).containsExactly(new Story.Line(Reason.TRAINING_RESTARTED, true,
        "train, attempt 1 failed: Killed: rank 1 on n1: exit code 137: killed"));
  }

  @Test
  void aSlowTransportIsToldUntilTheNextAttempt() {
    begin();
    assertThat(ft.getStatus().condition("FastTransport")).isEmpty();
    ft.setStatus(ft.getStatus().withTraining(ft.getStatus().training().withTransport(new Transport("NVLink", 230.5))));
    ft.setStatus(next(new Decision.Wait(Stage.TRAIN, "", "", Optional.empty())));
    assertThat(condition(ft.getStatus(), "FastTransport")).extracting(Condition::status, Condition::reason,
        Condition::message).containsExactly("True", "NVLink", "NVLink at 230.5 GB/s");
    ft.setStatus(ft.getStatus().withTraining(ft.getStatus().training().withTransport(new Transport("Network", 2.9))));
    ft.setStatus(next(new Decision.Wait(Stage.TRAIN, "", "", Optional.empty())));
    assertThat(condition(ft.getStatus(), "FastTransport")).extracting(Condition::status, Condition::reason)
        .containsExactly("False", "Network");
    assertThat(condition(ft.getStatus(), "FastTransport").message()).contains("2.9 GB/s", "gpuSharing: DeviceClaim");
    ft.setStatus(next(new Decision.Start(Stage.TRAIN, 2, false, Optional.empty())));
    assertThat(ft.getStatus().condition("FastTransport")).isEmpty();
  }

  @Test
  void theEndHasOneTruth() {
    begin();
    ft.setStatus(next(new Decision.Complete(Stage.TRAIN)));
    assertThat(ft.getStatus().phase()).isEqualTo(Phase.RUNNING);
    ft.setStatus(next(new Decision.Start(Stage.AVERAGE, 1, false, Optional.empty())));
    FlowTrainingStatus end = next(new Decision.Complete(Stage.AVERAGE));
    assertThat(end.phase()).isEqualTo(Phase.SUCCEEDED);
    assertThat(end.progress()).isEqualTo("100%");
    assertThat(end.completionTime()).isNotNull();
    assertThat(end.conditions()).filteredOn(Condition::holds).extracting(Condition::type)
        .containsExactly("Ready", "Trained", "CheckpointsAveraged");
    ft.setStatus(end);
    assertThat(next(new Decision.Idle())).isEqualTo(end);
  }

  @Test
  void aSuspensionIsToldUntilItIsOver() {
    begin();
    FlowTrainingStatus before = ft.getStatus();
    ft.setStatus(next(new Decision.Suspend(Stage.TRAIN)));
    assertThat(ft.getStatus().phase()).isEqualTo(Phase.SUSPENDING);
    assertThat(condition(ft.getStatus(), "Suspended")).extracting(Condition::status, Condition::reason)
        .containsExactly("False", "Suspending");
    assertThat(condition(ft.getStatus(), "Reconciling").holds()).isTrue();
    assertThat(ft.getStatus().training().disruptions()).isEqualTo(1);
    assertThat(ft.getStatus().training().restarts()).isZero();
    assertThat(ft.getStatus().of(Stage.TRAIN).countedDisruptions()).as("no budget is used up").isZero();
    assertThat(ft.getStatus().attempts().getLast().outcome()).isEqualTo(AttemptOutcome.SUSPENDED);

    FlowTrainingStatus suspended = next(new Decision.Suspended());
    assertThat(suspended.conditions()).filteredOn(Condition::holds).extracting(Condition::type)
        .containsExactly("Reconciling", "Suspended");
    assertThat(Story.between(before, ft.getStatus())).extracting(Story.Line::reason).containsExactly(Reason.SUSPENDING);
    assertThat(Story.between(ft.getStatus(), suspended)).extracting(Story.Line::reason)
        .containsExactly(Reason.SUSPENDED);

    ft.setStatus(suspended);
    FlowTrainingStatus resumed = next(new Decision.Begin(Stage.TRAIN, InputHash.of(ft.getSpec(), Optional.empty()),
        Optional.empty()));
    assertThat(condition(resumed, "Suspended")).extracting(Condition::status, Condition::reason)
        .containsExactly("False", "Resumed");
    assertThat(condition(resumed, "Reconciling").holds()).isTrue();
    assertThat(resumed.startTime()).isEqualTo(before.startTime());
    assertThat(resumed.training().disruptions()).isEqualTo(1);
    assertThat(Story.between(suspended, resumed)).extracting(Story.Line::reason).containsExactly(Reason.RESUMED);
  }

  @Test
  void onlyTheLastAttemptsAreKept() {
    begin();
    Failure failure = new Failure(Failure.Cause.EXITED, new LastFailure("train", 1, 0, "n1", 1, "R", "m".repeat(999),
        "t"), now);
    for (int attempt = 2; attempt <= 15; attempt++) {
      ft.setStatus(next(new Decision.Restart(Stage.TRAIN, failure, FailureClass.DISRUPTION)));
      ft.setStatus(next(new Decision.Start(Stage.TRAIN, attempt, false, Optional.of("exp/flow_model/attempt-1/a.pt"))));
    }
    assertThat(ft.getStatus().attempts()).extracting(AttemptStatus::attempt)
        .containsExactly(6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    AttemptStatus first = ft.getStatus().attempts().getFirst();
    assertThat(first.outcome()).isEqualTo(AttemptOutcome.DISRUPTED);
    assertThat(first.message()).hasSize(256);
    assertThat(first.resumedFrom()).isEqualTo("exp/flow_model/attempt-1/a.pt");
    assertThat(ft.getStatus().attempts().getLast().outcome()).isEqualTo(AttemptOutcome.RUNNING);
  }

  @Test
  void aFailureForGoodIsStalled() {
    begin();
    Failure failure = new Failure(Failure.Cause.EXITED, new LastFailure("train", 1, 0, "n1", 64, "NoData", "no parquet",
        "t"), now);
    FlowTrainingStatus end = next(new Decision.Fail(Stage.TRAIN, failure, FailureClass.PERMANENT, "NoData: no parquet"));
    assertThat(end.conditions()).filteredOn(Condition::holds).extracting(Condition::type).containsExactly("Stalled");
    assertThat(condition(end, "Trained")).extracting(Condition::reason, Condition::message)
        .containsExactly("NoData", "NoData: no parquet");
    assertThat(condition(end, "Stalled").message()).isEqualTo("train: NoData: no parquet; put it right, then "
        + "change the spec or delete and apply it (finished stages are reused)");
  }

  @Test
  void askingForLessThanWhatFailedIsAnEnd() {
    begin();
    ft.setStatus(next(new Decision.Complete(Stage.TRAIN)));
    ft.setStatus(next(new Decision.Start(Stage.AVERAGE, 1, false, Optional.empty())));
    Failure failure = new Failure(Failure.Cause.EXITED, new LastFailure("average", 1, null, "n1", 66, "R", "m", "t"),
        now);
    ft.setStatus(next(new Decision.Fail(Stage.AVERAGE, failure, FailureClass.PERMANENT, "m")));
    FlowTraining less = Samples.training("stages: {from: train, to: train}\ntraining: {gpus: 2, device: cpu}\n");
    less.getMetadata().setGeneration(2L);
    less.setStatus(ft.getStatus());
    Decision decision = StageMachine.decide(less, Samples.nothing(), now);
    assertThat(decision).isEqualTo(new Decision.Idle());
    FlowTrainingStatus end = StatusBuilder.next(less, Samples.nothing(), decision, "image", now);
    assertThat(end.phase()).isEqualTo(Phase.SUCCEEDED);
    assertThat(condition(end, "CheckpointsAveraged").reason()).isEqualTo("NotRequested");
  }

  @Test
  void askingForLessThanWhatIsCompleteSaysSo() {
    begin();
    ft.setStatus(next(new Decision.Complete(Stage.TRAIN)));
    ft.setStatus(next(new Decision.Start(Stage.AVERAGE, 1, false, Optional.empty())));
    FlowTrainingStatus done = next(new Decision.Complete(Stage.AVERAGE));
    FlowTraining less = Samples.training("stages: {from: train, to: train}\ntraining: {gpus: 2, device: cpu}\n");
    less.setStatus(done);
    FlowTrainingStatus end = StatusBuilder.next(less, Samples.nothing(), new Decision.Idle(), "image", now);
    assertThat(end.phase()).isEqualTo(Phase.SUCCEEDED);
    assertThat(end.completionTime()).isEqualTo(done.completionTime());
    assertThat(condition(end, "CheckpointsAveraged")).extracting(Condition::status, Condition::reason)
        .containsExactly("False", "NotRequested");
  }

  @Test
  void aChangedSpecIsNotTakenForSeenWhileOldContainersGo() {
    begin();
    Failure failure = new Failure(Failure.Cause.EXITED, new LastFailure("train", 1, 0, "n1", 64, "NoData", "m", "t"),
        now);
    ft.setStatus(next(new Decision.Fail(Stage.TRAIN, failure, FailureClass.PERMANENT, "m")));
    FlowTraining changed = Samples.with(Samples.training("stages: {from: train, to: average}\n"
        + "training: {gpus: 2, device: cpu}\nrestartPolicy: {maxRestarts: 3}"), ft.getStatus());
    changed.getMetadata().setGeneration(2L);
    Decision decision =
        StageMachine.decide(changed, Samples.seeing(List.of(Samples.job(Stage.TRAIN, 1)), List.of()), now);
    assertThat(decision).isEqualTo(new Decision.TearDown(Stage.TRAIN, List.of("demo-train-1")));
    changed.setStatus(StatusBuilder.next(changed, Samples.nothing(), decision, "image", now));
    assertThat(changed.getStatus().phase()).isEqualTo(Phase.PENDING);
    assertThat(StageMachine.decide(changed, Samples.nothing(), now)).isInstanceOf(Decision.Begin.class);
  }

  private void begin() {
    ft.setStatus(next(new Decision.Begin(Stage.TRAIN, InputHash.of(ft.getSpec(), Optional.empty()), Optional.empty())));
    ft.setStatus(next(new Decision.Start(Stage.TRAIN, 1, true, Optional.empty())));
    assertThat(List.of(ft.getStatus().phase(), ft.getStatus().stage())).containsExactly(Phase.RUNNING, Stage.TRAIN);
  }

  private FlowTrainingStatus next(Decision decision) {
    return StatusBuilder.next(ft, Samples.nothing(), decision, "image", now);
  }

  private static Condition condition(FlowTrainingStatus status, String type) {
    return status.condition(type).orElseThrow();
  }
}
