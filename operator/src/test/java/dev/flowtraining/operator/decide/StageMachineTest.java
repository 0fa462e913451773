package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.complete;
import static dev.flowtraining.operator.Samples.cpu;
import static dev.flowtraining.operator.Samples.deleted;
import static dev.flowtraining.operator.Samples.disrupted;
import static dev.flowtraining.operator.Samples.exited;
import static dev.flowtraining.operator.Samples.failed;
import static dev.flowtraining.operator.Samples.job;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.running;
import static dev.flowtraining.operator.Samples.seeing;
import static dev.flowtraining.operator.Samples.suspended;
import static dev.flowtraining.operator.Samples.training;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Checkpoint;
import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
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
import dev.flowtraining.operator.observe.PodView;
import dev.flowtraining.operator.observe.Progress;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StageMachineTest {

  private static final JobView TRAIN = job(Stage.TRAIN, 1);
  /** The default of restartPolicy.nodeLostTimeout. */
  private static final Duration NODE_LOST = Duration.ofMinutes(3);

  @Test
  void aRunBeginsWithTheFirstRequestedStage() {
    assertThat(decide(cpu(), nothing())).isInstanceOfSatisfying(Decision.Begin.class,
        b -> assertThat(b.first()).isEqualTo(Stage.PREPARE_DATA));
    assertThat(decide(training("stages: {from: train}"), nothing())).isInstanceOfSatisfying(Decision.Begin.class,
        b -> assertThat(b.first()).isEqualTo(Stage.TRAIN));
  }

  @Test
  void whatIsMissingBlocks() {
    Map<String, ClaimView> claims = new HashMap<>(nothing().claims());
    claims.put("speech", new ClaimView("speech", false, List.of()));
    assertThat(blocked(cpu(), claims, ConfigSource.none(), List.of()).reason()).isEqualTo("VolumeClaimNotFound");
    FlowTraining young = cpu();
    young.getMetadata().setCreationTimestamp(NOW.minusSeconds(20).toString());
    assertThat(blocked(young, claims, ConfigSource.none(), List.of()).stalled()).as("it may come with it").isFalse();
    young.getMetadata().setCreationTimestamp(NOW.minusSeconds(40).toString());
    assertThat(blocked(young, claims, ConfigSource.none(), List.of()).stalled()).isTrue();
    claims.put("speech", new ClaimView("speech", true, List.of("ReadWriteOnce")));
    claims.put("flow-workspace", new ClaimView("flow-workspace", true, List.of("ReadWriteOnce")));
    assertThat(blocked(cpu(), claims, ConfigSource.none(), List.of()).reason()).isEqualTo("VolumeNotShareable");
    assertThat(blocked(cpu(), nothing().claims(), new ConfigSource(Optional.empty(), Optional.of("no ConfigMap")),
        List.of()).reason()).isEqualTo("ConfigMapNotFound");
    Decision.Blocked cleaning = blocked(cpu(), nothing().claims(), ConfigSource.none(),
        List.of(new Former("pod demo-train-1-0", Optional.empty())));
    assertThat(cleaning.reason()).isEqualTo("Cleaning");
    assertThat(cleaning.message()).contains("pod demo-train-1-0");
    assertThat(cleaning.stalled()).isFalse();
  }

  @Test
  void aPodOnALostNodeIsDeletedByForce() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RESTARTING, 1);
    PodView gone = deleted(pod(TRAIN, 1, running()), NOW.minusSeconds(61));
    assertThat(decide(ft, seeing(List.of(), List.of(gone)))).isInstanceOfSatisfying(Decision.Wait.class,
        w -> assertThat(w.message()).contains("pod demo-train-1-1 on node node-1 (the node does not answer"));
    Instant later = NOW.minusSeconds(1).plus(NODE_LOST);
    Decision byForce = new Decision.TearDown(Stage.TRAIN, List.of(), List.of("demo-train-1-1"));
    assertThat(StageMachine.decide(ft, seeing(List.of(), List.of(gone)), later)).isEqualTo(byForce);
    assertThat(StageMachine.decide(ft, seeing(List.of(), List.of(pod(TRAIN, 0, running()))), later))
        .as("one that nobody deletes").isInstanceOf(Decision.Wait.class);
    Observation former = new Observation(List.of(), List.of(), List.of(new Former(gone.where(), Optional.of(gone))),
        nothing().claims(), ConfigSource.none(), Map.of(), Progress.none(), true);
    assertThat(StageMachine.decide(cpu(), former, later)).isInstanceOfSatisfying(Decision.TearDown.class,
        d -> assertThat(d.lostPods()).containsExactly("demo-train-1-1"));
  }

  @Test
  void aNodeThatIsKnownToBeSilentIsNotWaitedForTwice() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RESTARTING, 1);
    PodView gone = deleted(pod(TRAIN, 1, running()), NOW).onNodeLostSince(NOW.minus(Duration.ofMinutes(2)));
    assertThat(decide(ft, seeing(List.of(), List.of(gone)))).isInstanceOfSatisfying(Decision.Wait.class,
        w -> assertThat(w.message()).contains("deleted by force at " + NOW.plusSeconds(60)));
    assertThat(StageMachine.decide(ft, seeing(List.of(), List.of(gone)), NOW.plusSeconds(60)))
        .isEqualTo(new Decision.TearDown(Stage.TRAIN, List.of(), List.of("demo-train-1-1")));
  }

  @Test
  void aPodOnASilentNodeIsGivenUp() {
    FlowTraining ft = inRun(Stage.PARQUET, StagePhase.RUNNING, 1);
    JobView parquet = job(Stage.PARQUET, 1);
    Observation seen = seeing(List.of(parquet), List.of(pod(parquet, 0, running()).onNodeLostSince(NOW)));
    assertThat(decide(ft, seen)).isInstanceOfSatisfying(Decision.Wait.class, w -> {
      assertThat(w.reason()).isEqualTo("NodeNotReady");
      assertThat(w.recheck()).contains(NOW.plus(NODE_LOST));
    });
    assertThat(StageMachine.decide(ft, seen, NOW.plus(NODE_LOST))).isInstanceOfSatisfying(Decision.Restart.class,
        r -> {
          assertThat(r.failureClass()).isEqualTo(FailureClass.DISRUPTION);
          assertThat(r.failure().details().reason()).isEqualTo("NodeLost");
          assertThat(r.failure().details().node()).isEqualTo("node-0");
        });
  }

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
  void oneNodeNeedsNoSharedWorkspace() {
    Map<String, ClaimView> claims = new HashMap<>(nothing().claims());
    claims.put("flow-workspace", new ClaimView("flow-workspace", true, List.of("ReadWriteOnce")));
    Observation seen = new Observation(List.of(), List.of(), List.of(), claims, ConfigSource.none(), Map.of(),
        Progress.none(), true);
    assertThat(decide(training("training: {gpus: 2, gpusPerPod: 2, device: cpu}"),
        seen)).isInstanceOf(Decision.Begin.class);
    assertThat(decide(training("stages: {to: parquet}\ntraining: {gpus: 2, device: cpu}"), seen))
        .isInstanceOf(Decision.Begin.class);
  }

  @Test
  void aLostSnapshotIsMadeAgainOnlyFromWhatTheRunBeganWith() {
    FlowTraining ft = inRun(Stage.PARQUET, StagePhase.PENDING, 0,
        training("config: {configMapRef: {name: own}}\ntraining: {device: cpu}"), Optional.of("a: 1"));
    assertThat(decide(ft, reading("a: 1"))).isInstanceOf(Decision.Start.class);
    assertThat(decide(ft, reading("a: 2"))).isInstanceOfSatisfying(Decision.Blocked.class, b -> {
      assertThat(b.reason()).isEqualTo("ConfigChanged");
      assertThat(b.message()).contains("'own'");
    });
    assertThat(decide(ft, nothing())).as("the snapshot is there").isInstanceOf(Decision.Start.class);
  }

  private static Observation reading(String config) {
    return new Observation(List.of(), List.of(), List.of(), nothing().claims(),
        new ConfigSource(Optional.of(config), Optional.empty()), Map.of(), Progress.none(), true);
  }

  @Test
  void onlyTheFirstJobOfARunChecks() {
    assertThat(decide(inRun(Stage.PREPARE_DATA, StagePhase.PENDING, 0), nothing()))
        .isEqualTo(new Decision.Start(Stage.PREPARE_DATA, 1, true, Optional.empty()));
    assertThat(decide(inRun(Stage.PARQUET, StagePhase.PENDING, 0), nothing()))
        .isEqualTo(new Decision.Start(Stage.PARQUET, 1, false, Optional.empty()));
    FlowTraining again = inRun(Stage.PREPARE_DATA, StagePhase.RESTARTING, 1);
    assertThat(StageMachine.decide(again, nothing(), NOW.plusSeconds(10)))
        .as("it has passed").isEqualTo(new Decision.Start(Stage.PREPARE_DATA, 2, false, Optional.empty()));
    again.setStatus(again.getStatus().withTraining(again.getStatus().training().withLastFailure(
        new LastFailure("check", 1, null, "n", 1, "UnknownError", "m", NOW.toString()))));
    assertThat(StageMachine.decide(again, nothing(), NOW.plusSeconds(10)))
        .as("it has not").isEqualTo(new Decision.Start(Stage.PREPARE_DATA, 2, true, Optional.empty()));
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
    Observation busy = seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running()), pod(TRAIN, 1, running())));
    assertThat(StageMachine.decide(ft, busy, NOW.plus(Duration.ofMinutes(29)))).isInstanceOf(Decision.Wait.class);
    assertThat(StageMachine.decide(ft, busy, NOW.plus(Duration.ofMinutes(31)))).isInstanceOfSatisfying(
        Decision.Restart.class, r -> assertThat(r.failure().details().reason()).isEqualTo("NoProgress"));
    Progress alive = Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":1,"time":"%s","fraction":0.5}""".formatted(NOW.plus(Duration.ofMinutes(20)))));
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
  void whatIsMissingDoesNotMatterWhenNothingIsToBeDone() {
    FlowTraining ft = inRun(Stage.EXPORT, StagePhase.RUNNING, 1);
    FlowTrainingStatus done = ft.getStatus();
    ft.setStatus(done.with(done.of(Stage.EXPORT).ended(StagePhase.SUCCEEDED, NOW.toString(), null))
        .ended(Phase.SUCCEEDED, NOW.toString()).observed(1L).withShown(Stage.EXPORT, "100%"));
    ft.getMetadata().setGeneration(2L);
    Map<String, ClaimView> claims = Map.of("speech", new ClaimView("speech", false, List.of()));
    assertThat(decide(ft, new Observation(List.of(), List.of(), List.of(), claims, ConfigSource.none(), Map.of(),
        Progress.none(), true))).isEqualTo(new Decision.Idle());
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

  @Test
  void aSharedStageIsFittedThenDoneInShardsThenMerged() {
    String three = "stageOverrides: [{stage: speech-tokens, parallelism: 3}, {stage: parquet, parallelism: 2}]";
    assertThat(decide(inRun(three, Stage.SPEECH_TOKENS, StageStep.WHOLE, StagePhase.PENDING, 0), nothing()))
        .isEqualTo(new Decision.Start(Stage.SPEECH_TOKENS, StageStep.FIT, 1, false, Optional.empty()));
    assertThat(decide(inRun(three, Stage.PARQUET, StageStep.WHOLE, StagePhase.PENDING, 0), nothing()))
        .as("nothing to fit").isEqualTo(new Decision.Start(Stage.PARQUET, StageStep.SHARDS, 1, false, Optional.empty()));
    String released = three + "\nmodels: {tokenizer: released, volume: {persistentVolumeClaim: {claimName: m}}}";
    assertThat(decide(inRun(released, Stage.SPEECH_TOKENS, StageStep.WHOLE, StagePhase.PENDING, 0), nothing()))
        .as("a released tokenizer is fitted").isEqualTo(
            new Decision.Start(Stage.SPEECH_TOKENS, StageStep.SHARDS, 1, false, Optional.empty()));

    JobView fit = job(Stage.SPEECH_TOKENS, StageStep.FIT, 1, 1);
    JobView shards = job(Stage.SPEECH_TOKENS, StageStep.SHARDS, 1, 3);
    JobView merge = job(Stage.SPEECH_TOKENS, StageStep.MERGE, 1, 1);
    assertThat(decide(inRun(three, Stage.SPEECH_TOKENS, StageStep.FIT, StagePhase.RUNNING, 1),
        seeing(List.of(complete(fit)), List.of())))
        .isEqualTo(new Decision.Start(Stage.SPEECH_TOKENS, StageStep.SHARDS, 1, false, Optional.empty()));
    FlowTraining atWork = inRun(three, Stage.SPEECH_TOKENS, StageStep.SHARDS, StagePhase.RUNNING, 1);
    assertThat(decide(atWork, seeing(List.of(complete(fit), shards), List.of(pod(shards, 0, running()),
        pod(shards, 1, exited(137, NOW)), pod(shards, 2, running()))))).isInstanceOf(Decision.Wait.class);
    assertThat(decide(atWork, seeing(List.of(complete(fit), complete(shards)), List.of())))
        .isEqualTo(new Decision.Start(Stage.SPEECH_TOKENS, StageStep.MERGE, 1, false, Optional.empty()));
    assertThat(decide(inRun(three, Stage.SPEECH_TOKENS, StageStep.MERGE, StagePhase.RUNNING, 1),
        seeing(List.of(complete(fit), complete(shards), complete(merge)), List.of())))
        .isEqualTo(new Decision.Complete(Stage.SPEECH_TOKENS));
  }

  @Test
  void aStepThatFailsStartsAgainItself() {
    String three = "stageOverrides: [{stage: speech-tokens, parallelism: 3}]";
    JobView fit = complete(job(Stage.SPEECH_TOKENS, StageStep.FIT, 1, 1));
    JobView shards = complete(job(Stage.SPEECH_TOKENS, StageStep.SHARDS, 1, 3));
    FlowTraining merging = inRun(three, Stage.SPEECH_TOKENS, StageStep.MERGE, StagePhase.RESTARTING, 1);
    assertThat(StageMachine.decide(merging, seeing(List.of(fit, shards), List.of()), NOW.plusSeconds(10)))
        .isEqualTo(new Decision.Start(Stage.SPEECH_TOKENS, StageStep.MERGE, 2, false, Optional.empty()));
    FlowTraining alone = inRun("", Stage.SPEECH_TOKENS, StageStep.SHARDS, StagePhase.RESTARTING, 1);
    assertThat(StageMachine.decide(alone, seeing(List.of(fit), List.of()), NOW.plusSeconds(10)))
        .as("parallelism was set to 1 meanwhile")
        .isEqualTo(new Decision.Start(Stage.SPEECH_TOKENS, StageStep.WHOLE, 2, false, Optional.empty()));
  }

  @Test
  void shardsThatFailedHaveUsedUpTheirBudget() {
    JobView shards = job(Stage.PARQUET, StageStep.SHARDS, 1, 2);
    Decision decision = decide(inRun("stageOverrides: [{stage: parquet, parallelism: 2}]", Stage.PARQUET,
        StageStep.SHARDS, StagePhase.RUNNING, 1), seeing(List.of(failed(shards, NOW)), List.of(pod(shards, 1, exited(1, NOW)))));
    assertThat(decision).isInstanceOfSatisfying(Decision.Fail.class,
        f -> assertThat(f.message()).contains("after 10 restarts").contains("shard 1/2"));
  }

  @Test
  void aShardOnALostNodeIsDeletedByForceSoThatItIsReplaced() {
    JobView shards = job(Stage.PARQUET, StageStep.SHARDS, 1, 2);
    FlowTraining ft = inRun("stageOverrides: [{stage: parquet, parallelism: 2}]", Stage.PARQUET, StageStep.SHARDS,
        StagePhase.RUNNING, 1);
    Observation seen = seeing(List.of(shards), List.of(pod(shards, 0, running()), deleted(pod(shards, 1, running()), NOW)));
    assertThat(decide(ft, seen)).isInstanceOf(Decision.Wait.class);
    assertThat(StageMachine.decide(ft, seen, NOW.plus(Duration.ofHours(1))))
        .isEqualTo(new Decision.TearDown(Stage.PARQUET, List.of(), List.of(shards.name() + "-1")));
  }

  @Test
  void shardsNeedVolumesThatTheyCanShare() {
    FlowTraining ft = training("training: {gpus: 1}\nstageOverrides: [{stage: parquet, parallelism: 2}]");
    Map<String, ClaimView> claims = new HashMap<>(nothing().claims());
    claims.put("flow-workspace", new ClaimView("flow-workspace", true, List.of("ReadWriteOnce")));
    Decision.Blocked workspace = blocked(ft, claims, ConfigSource.none(), List.of());
    assertThat(workspace.reason()).isEqualTo("VolumeNotShareable");
    assertThat(workspace.message()).contains("2 pods of stage parquet need a workspace").contains("parallelism: 1");
    claims = new HashMap<>(nothing().claims());
    claims.put("speech", new ClaimView("speech", true, List.of("ReadWriteOnce")));
    assertThat(blocked(ft, claims, ConfigSource.none(), List.of()).message()).contains("data volume with access mode");
  }

  private static Decision.Blocked blocked(FlowTraining ft, Map<String, ClaimView> claims, ConfigSource config,
      List<Former> former) {
    return (Decision.Blocked) decide(ft,
        new Observation(List.of(), List.of(), former, claims, config, Map.of(), Progress.none(), true));
  }

  private static Decision decide(FlowTraining ft, Observation seen) {
    return StageMachine.decide(ft, seen, NOW);
  }

  /** In a run: everything before the stage is complete. */
  private static FlowTraining inRun(Stage stage, StagePhase phase, int attempt) {
    return inRun(stage, phase, attempt, cpu(), Optional.empty());
  }

  private static FlowTraining inRun(Stage stage, StagePhase phase, int attempt, FlowTraining ft,
      Optional<String> config) {
    return inRun(stage, StageStep.WHOLE, phase, attempt, ft, config);
  }

  private static FlowTraining inRun(String more, Stage stage, StageStep step, StagePhase phase, int attempt) {
    return inRun(stage, step, phase, attempt,
        training("config: {preset: tiny}\ntraining: {gpus: 2, device: cpu}\n" + more), Optional.empty());
  }

  private static FlowTraining inRun(Stage stage, StageStep step, StagePhase phase, int attempt, FlowTraining ft,
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
