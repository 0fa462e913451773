package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.cpu;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.training;
import static dev.flowtraining.operator.decide.Runs.blocked;
import static dev.flowtraining.operator.decide.Runs.decide;
import static dev.flowtraining.operator.decide.Runs.inRun;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.observe.ClaimView;
import dev.flowtraining.operator.observe.ConfigSource;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.Observation.Former;
import dev.flowtraining.operator.observe.Progress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Whether a run begins, with which stage, and what it waits for. */
class BeginningTest {

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
}
