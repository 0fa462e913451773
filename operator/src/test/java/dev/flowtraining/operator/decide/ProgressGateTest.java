package dev.flowtraining.operator.decide;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.api.v1alpha1.Transport;
import dev.flowtraining.operator.observe.Progress;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProgressGateTest {

  private static final FlowTrainingSpec SPEC = Samples.cpu().getSpec();

  @Test
  void aReportOfTheRunningAttemptMovesTheStatus() {
    FlowTrainingStatus next = accept(training(2, StagePhase.RUNNING), report(2, 2, 100));
    assertThat(next.of(Stage.TRAIN).progress()).isEqualTo(50);
    assertThat(next.training().loss()).isEqualTo(0.5);
    assertThat(next.training().checkpoint().path()).isEqualTo("exp/flow_model/attempt-2/step_100.pt");
    assertThat(next.of(Stage.TRAIN).countedRestarts()).as("budget").isZero();
    assertThat(next.of(Stage.TRAIN).restarts()).as("count").isEqualTo(4);
  }

  @Test
  void aZombieMovesNothing() {
    FlowTrainingStatus status = training(2, StagePhase.RUNNING);
    assertThat(accept(status, report(1, 1, 900))).isEqualTo(status);
    assertThat(accept(training(2, StagePhase.SUCCEEDED), report(2, 2, 900)).training().checkpoint()).isNull();
  }

  @Test
  void aCheckpointOutsideTheAttemptsFolderIsNotAccepted() {
    assertThat(accept(training(2, StagePhase.RUNNING), report(2, 1, 100)).training().checkpoint()).isNull();
  }

  @Test
  void aCheckpointCountsUntilTheNextAttemptStarts() {
    FlowTrainingStatus next = accept(training(2, StagePhase.RESTARTING), report(2, 2, 100));
    assertThat(next.training().checkpoint().step()).isEqualTo(100);
    assertThat(accept(next, report(2, 2, 90)).training().checkpoint().step()).as("never back").isEqualTo(100);
  }

  @Test
  void theTransportIsThatOfTheRunningAttempt() {
    Progress progress = Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":2,"time":"2026-07-01T12:00:00Z","fraction":0.0,
         "transport":{"way":"NVLink","gigabytesPerSecond":230.5}}"""));
    assertThat(accept(training(2, StagePhase.RUNNING), progress).training().transport())
        .isEqualTo(new Transport("NVLink", 230.5));
    assertThat(accept(training(3, StagePhase.RUNNING), progress).training().transport()).isNull();
  }

  @Test
  void shardsAreAsFarAsTheyAreOnAverage() {
    FlowTrainingStatus status = tokens(StageStep.SHARDS);
    StageStatus stage = accept(status, Progress.parse(Map.of(
        "shard-0.json", shard("speech-tokens", 2, "1.0"), "shard-1.json", shard("speech-tokens", 2, "0.5"),
        "shard-2.json", shard("speech-tokens", 1, "0.9"), "shard-3.json", shard("parquet", 2, "0.9"),
        "shard-4.json", shard("speech-tokens", 2, "1.0"), "progress.json", shard("speech-tokens", 2, "0.99"))))
        .of(Stage.SPEECH_TOKENS);
    assertThat(stage.progress()).as("only shards 0 and 1 are of this attempt").isEqualTo(37);
    assertThat(stage.message()).isEqualTo("1 of 4 shards");
    assertThat(accept(status, Progress.none()).of(Stage.SPEECH_TOKENS).message()).isEqualTo("0 of 4 shards");
  }

  @Test
  void theStepsAroundTheShardsDoNotPassForTheStage() {
    Progress progress = Progress.parse(Map.of("progress.json", shard("speech-tokens", 2, "1.0"),
        "shard-0.json", shard("speech-tokens", 2, "1.0")));
    assertThat(accept(tokens(StageStep.FIT), progress).of(Stage.SPEECH_TOKENS).progress()).isZero();
    assertThat(accept(tokens(StageStep.MERGE), progress).of(Stage.SPEECH_TOKENS).progress()).isEqualTo(99);
  }

  private static FlowTrainingStatus tokens(StageStep step) {
    return FlowTrainingStatus.empty().withPhase(Phase.RUNNING)
        .with(StageStatus.pending(Stage.SPEECH_TOKENS).started("j", step, 4, 2, "2026-07-01T12:00:00Z"));
  }

  private static String shard(String stage, int attempt, String fraction) {
    return "{\"stage\":\"%s\",\"attempt\":%d,\"time\":\"2026-07-01T12:00:00Z\",\"fraction\":%s,\"message\":\"m\"}"
        .formatted(stage, attempt, fraction);
  }

  private static FlowTrainingStatus accept(FlowTrainingStatus status, Progress progress) {
    return ProgressGate.accept(SPEC, status, progress);
  }

  private static FlowTrainingStatus training(int attempt, StagePhase phase) {
    return FlowTrainingStatus.empty().withPhase(Phase.RUNNING).with(new StageStatus(Stage.TRAIN, phase, "h", "j",
        null, null, attempt, 4, 0, 3, 0, "2026-07-01T12:00:00Z", null, null, null, null));
  }

  private static Progress report(int attempt, int folder, int step) {
    return Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":%d,"time":"2026-07-01T12:00:00Z","fraction":0.5,"loss":0.5,
         "checkpoint":{"path":"exp/flow_model/attempt-%d/step_%d.pt","step":%d}}"""
        .formatted(attempt, folder, step, step)));
  }
}
