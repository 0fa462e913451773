package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.complete;
import static dev.flowtraining.operator.Samples.job;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.seeing;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.build.CleanUpJob;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.report.StatusBuilder;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EndingTest {

  private static final Instant TOMORROW = NOW.plus(Duration.ofHours(24));
  private static final Observation JOBS = seeing(List.of(complete(job(Stage.TRAIN, 1))), List.of());

  @Test
  void childrenAreKeptForTheTimeOfTheirOutcome() {
    String ttl = "ttlAfterFinished: {success: 24h}\n";
    assertThat(StageMachine.decide(ended(Phase.SUCCEEDED, ttl), JOBS, NOW)).isInstanceOfSatisfying(Decision.Wait.class,
        w -> assertThat(w.recheck()).contains(TOMORROW));
    assertThat(StageMachine.decide(ended(Phase.SUCCEEDED, ttl), JOBS, TOMORROW)).isEqualTo(new Decision.Expire(false));
    assertThat(StageMachine.decide(ended(Phase.FAILED, ttl), JOBS, TOMORROW)).isEqualTo(new Decision.Idle());
    assertThat(StageMachine.decide(ended(Phase.FAILED, "ttlAfterFinished: {failure: 24h, deleteSelf: true}"), JOBS,
        TOMORROW)).isEqualTo(new Decision.Expire(true));
    assertThat(StageMachine.decide(ended(Phase.SUCCEEDED, ""), JOBS, TOMORROW)).isEqualTo(new Decision.Idle());
  }

  @Test
  void theyGoOnce() {
    FlowTraining ft = ended(Phase.SUCCEEDED, "ttlAfterFinished: {success: 24h}");
    ft.setStatus(StatusBuilder.next(ft, JOBS, new Decision.Expire(false), "image", TOMORROW));
    assertThat(ft.getStatus().run().childrenDeletedTime()).isEqualTo(TOMORROW.toString());
    assertThat(ft.getStatus().phase()).isEqualTo(Phase.SUCCEEDED);
    assertThat(StageMachine.decide(ft, nothing(), TOMORROW.plusSeconds(1))).isEqualTo(new Decision.Idle());
  }

  @Test
  void whatConcernsOnlyTheTimeAfterTheEndStartsNothing() {
    FlowTraining ft = ended(Phase.FAILED, "");
    FlowTraining kept = Samples.with(training("ttlAfterFinished: {failure: 48h}\nsuspend: true"), ft.getStatus());
    kept.getMetadata().setGeneration(2L);
    assertThat(StageMachine.decide(kept, JOBS, NOW)).isInstanceOf(Decision.Wait.class);
    FlowTraining retried = Samples.with(training("restartPolicy: {maxRestarts: 3}"), ft.getStatus());
    retried.getMetadata().setGeneration(2L);
    assertThat(StageMachine.decide(retried, JOBS, NOW)).isInstanceOf(Decision.Begin.class);
  }

  @Test
  void aWishToRunAgainIsGrantedOnce() {
    FlowTraining ft = ended(Phase.SUCCEEDED, "stages: {rerunFrom: train}");
    ft.getMetadata().setGeneration(2L);
    ft.setStatus(ft.getStatus().withRun(ft.getStatus().run().withSpecHash("of before")));
    Decision decision = StageMachine.decide(ft, nothing(), NOW);
    assertThat(decision).isInstanceOfSatisfying(Decision.Begin.class,
        b -> assertThat(b.first()).isEqualTo(Stage.TRAIN));
    FlowTrainingStatus again = StatusBuilder.next(ft, nothing(), decision, "image", NOW);
    assertThat(again.of(Stage.PARQUET).phase()).isEqualTo(StagePhase.SUCCEEDED);
    assertThat(again.of(Stage.TRAIN).phase()).isEqualTo(StagePhase.PENDING);
    assertThat(again.training().checkpoint()).as("it is trained anew").isNull();
    FlowTraining done = ended(Phase.SUCCEEDED, "stages: {rerunFrom: 4}\naveraging: {num: 5}");
    done.getMetadata().setGeneration(3L);
    done.setStatus(done.getStatus().withRun(again.run().withSpecHash("of before")));
    assertThat(StageMachine.decide(done, nothing(), NOW)).isEqualTo(new Decision.Idle());
    FlowTraining another = ended(Phase.SUCCEEDED, "stages: {rerunFrom: train, rerunId: '2'}");
    another.getMetadata().setGeneration(3L);
    another.setStatus(another.getStatus().withRun(again.run()));
    assertThat(StageMachine.decide(another, nothing(), NOW)).isInstanceOf(Decision.Begin.class);
  }

  @Test
  void onlyWhatNeedsNothingMoreIsPassedOverWhenTheOperatorStarts() {
    assertThat(Rest.of(ended(Phase.SUCCEEDED, ""))).isTrue();
    assertThat(Rest.of(training(""))).as("has not begun").isFalse();
    assertThat(Rest.of(ended(Phase.FAILED, ""))).as("a container of it may go on").isFalse();
    assertThat(Rest.of(ended(Phase.SUCCEEDED, "tensorBoard: {}"))).isFalse();
    FlowTraining due = ended(Phase.SUCCEEDED, "ttlAfterFinished: {success: 24h}");
    assertThat(Rest.of(due)).as("its time comes").isFalse();
    due.setStatus(StatusBuilder.next(due, JOBS, new Decision.Expire(false), "image", TOMORROW));
    assertThat(Rest.of(due)).as("its time came").isTrue();
    FlowTraining changed = ended(Phase.SUCCEEDED, "");
    changed.getMetadata().setGeneration(2L);
    assertThat(Rest.of(changed)).as("changed while nobody looked").isFalse();
    FlowTraining deleted = ended(Phase.SUCCEEDED, "");
    deleted.getMetadata().setDeletionTimestamp(NOW.toString());
    assertThat(Rest.of(deleted)).as("deleted while nobody looked").isFalse();
    FlowTraining held = ended(Phase.SUCCEEDED, "");
    held.addFinalizer(CleanUpJob.FINALIZER);
    assertThat(Rest.of(held)).as("by a finalizer that it needs no more").isFalse();
  }

  private static FlowTraining training(String more) {
    return Samples.training("training: {gpus: 2, device: cpu}\n" + more);
  }

  private static FlowTraining ended(Phase phase, String more) {
    FlowTraining ft = training(more);
    Map<Stage, String> hashes = InputHash.of(ft.getSpec(), Optional.empty());
    FlowTrainingStatus status = FlowTrainingStatus.empty().begun("image", NOW.minusSeconds(900).toString());
    for (Stage stage : Stage.inOrder()) {
      StageStatus pending = StageStatus.pending(stage).reset(StagePhase.PENDING, hashes.get(stage));
      boolean failed = phase == Phase.FAILED && stage == Stage.EXPORT;
      status = status.with(pending.ended(failed ? StagePhase.FAILED : StagePhase.SUCCEEDED, NOW.toString(), null));
    }
    ft.setStatus(status.ended(phase, NOW.toString()).observed(1L).withShown(Stage.EXPORT, "100%")
        .withTraining(status.training().withLastFailure(new LastFailure("export", 1, null, "n", 1, "R", "m", "t")))
        .withRun(status.run().withSpecHash(InputHash.ofSpec(ft.getSpec()))));
    return ft;
  }
}
