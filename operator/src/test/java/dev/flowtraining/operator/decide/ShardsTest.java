package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.complete;
import static dev.flowtraining.operator.Samples.exited;
import static dev.flowtraining.operator.Samples.failed;
import static dev.flowtraining.operator.Samples.job;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.running;
import static dev.flowtraining.operator.Samples.seeing;
import static dev.flowtraining.operator.decide.Runs.decide;
import static dev.flowtraining.operator.decide.Runs.inRun;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.JobView;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Stages that several pods share. */
class ShardsTest {

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
}
