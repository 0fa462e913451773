package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Stages 1 to 3 shared by several pods. */
class ShardsIT extends PlayedLife {
  private static final String SHARED = """
      apiVersion: flowtraining.dev/v1alpha1
      kind: FlowTraining
      metadata: {name: demo, namespace: default}
      spec:
        stages: {from: speech-tokens, to: speech-tokens}
        data: {train: {path: train}, volume: {persistentVolumeClaim: {claimName: speech}}}
        workspace: {volume: {persistentVolumeClaim: {claimName: flow-workspace}}}
        restartPolicy: {maxRestarts: 2, backoff: {initial: 1s, max: 1s}}
        stageOverrides: [{stage: speech-tokens, parallelism: 3}]
      """;

  @Test
  void aLostShardStopsNobody() {
    cluster.claim("speech", "ReadOnlyMany");
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(SHARED);
    assertThat(arguments(cluster.run("demo-tokens-fit"))).endsWith("--fit");
    cluster.report("demo", "progress.json", shard(1.0));
    cluster.complete("demo-tokens-fit");

    Job shards = cluster.run("demo-tokens-shards");
    assertThat(shards.getSpec().getCompletions()).isEqualTo(3);
    assertThat(shards.getSpec().getParallelism()).isEqualTo(3);
    assertThat(shards.getSpec().getBackoffLimitPerIndex()).isEqualTo(2);
    assertThat(environment(shards, "FLOWTRAINING_SHARDS")).isEqualTo("3");
    cluster.report("demo", "shard-0.json", shard(1.0));
    cluster.report("demo", "shard-2.json", shard(0.5));
    FlowTrainingStatus half = cluster.await("demo", s -> "50%".equals(s.progress()));
    assertThat(half.of(Stage.SPEECH_TOKENS).message()).isEqualTo("1 of 3 shards");
    assertThat(half.of(Stage.SPEECH_TOKENS).step()).isEqualTo(StageStep.SHARDS);

    cluster.exit("demo-tokens-shards-1", 0, 137, "Error", "");
    cluster.lost("demo-tokens-shards", 1);
    FlowTrainingStatus going = cluster.await("demo", s -> String.valueOf(condition(s, "Reconciling").message())
        .contains("1 of 3 shards, 1 pod was lost and replaced"));
    assertThat(going.phase()).isEqualTo(Phase.RUNNING);
    assertThat(going.of(Stage.SPEECH_TOKENS).restarts()).isZero();
    cluster.complete("demo-tokens-shards");

    assertThat(arguments(cluster.run("demo-tokens-merge"))).endsWith("--merge");
    cluster.complete("demo-tokens-merge");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.of(Stage.SPEECH_TOKENS).attempt()).isEqualTo(1);
    assertThat(cluster.events("demo")).containsExactly("RunStarted", "StageStarted", "StageStarted", "StageStarted",
        "StageCompleted", "Completed");
  }

  @Test
  void aShardThatFailsForGoodEndsTheRunAndANewOneStartsAnew() {
    cluster.claim("speech", "ReadOnlyMany");
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(SHARED);
    cluster.runStage("demo-tokens-fit");
    cluster.run("demo-tokens-shards");
    cluster.exit("demo-tokens-shards-1", 0, 66, "Error", "{\"stage\":\"speech-tokens\",\"reason\":\"DataNotFound\","
        + "\"message\":\"a.wav is gone\"}");
    cluster.fail("demo-tokens-shards");
    FlowTrainingStatus failed = cluster.awaitPhase("demo", Phase.FAILED);
    assertThat(condition(failed, "SpeechTokensExtracted").reason()).isEqualTo("DataNotFound");
    assertThat(condition(failed, "SpeechTokensExtracted").message()).contains("shard 1/3: a.wav is gone");
    cluster.letGo("demo-tokens-shards");
    cluster.apply(SHARED.replace("parallelism: 3", "parallelism: 1"));
    Job whole = cluster.awaitJob("demo-speech-tokens-2");
    assertThat(arguments(whole)).doesNotContain("--fit", "--merge");
    assertThat(whole.getSpec().getCompletionMode()).isEqualTo("NonIndexed");
  }

  private static List<String> arguments(Job job) {
    return job.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs();
  }

  private static String shard(double fraction) {
    return "{\"stage\":\"speech-tokens\",\"attempt\":1,\"time\":\"%s\",\"fraction\":%s}"
        .formatted(Instant.now(), fraction);
  }
}
