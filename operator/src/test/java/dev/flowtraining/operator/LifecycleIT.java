package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.ValidatingWebhookConfigurationBuilder;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whole lives of FlowTrainings against a real API server. */
@EnableKubeAPIServer
class LifecycleIT {

  @KubeConfig
  static String kubeConfig;
  static PlayedCluster cluster;

  private static final String ALL_STAGES = """
      apiVersion: flowtraining.dev/v1alpha1
      kind: FlowTraining
      metadata: {name: demo, namespace: default}
      spec:
        data:
          train: {path: train}
          devFraction: 0.05
          volume: {persistentVolumeClaim: {claimName: speech}}
        workspace: {volume: {persistentVolumeClaim: {claimName: flow-workspace}}}
        config: {preset: tiny}
        training: {gpus: 2, device: cpu}
      """;
  private static final String TRAIN_ONLY = """
      apiVersion: flowtraining.dev/v1alpha1
      kind: FlowTraining
      metadata: {name: demo, namespace: default}
      spec:
        stages: {from: train, to: train}
        workspace: {volume: {persistentVolumeClaim: {claimName: flow-workspace}}}
        training: {gpus: 4, gpusPerPod: 2, device: cpu}
        restartPolicy: {maxRestarts: 2, backoff: {initial: 1s, max: 1s}}
      """;

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

  @BeforeAll
  static void connect() {
    cluster = new PlayedCluster(new KubernetesClientBuilder().withConfig(
        new ConfigBuilder(Config.fromKubeconfig(kubeConfig)).withRequestRetryBackoffLimit(1).build()).build());
    Crd.install(cluster.client);
  }

  @BeforeEach
  void start() {
    cluster.startOperator();
  }

  @AfterEach
  void stop() {
    cluster.stopOperator();
    cluster.clean();
  }

  @Test
  void allStagesRunOneAfterTheOther() {
    cluster.claim("speech", "ReadOnlyMany");
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(ALL_STAGES);

    Job first = cluster.awaitJob("demo-prepare-data");
    assertThat(first.getSpec().getTemplate().getSpec().getInitContainers()).as("the check comes first").hasSize(1);
    cluster.run("demo-prepare-data");
    cluster.report("demo", "stage-prepare-data.json", "{\"stage\":\"prepare-data\",\"counts\":{\"utterances\":12}}");
    cluster.complete("demo-prepare-data");
    for (String stage : List.of("speaker-embedding", "speech-tokens", "parquet")) {
      assertThat(cluster.awaitJob("demo-" + stage).getSpec().getTemplate().getSpec().getInitContainers()).isEmpty();
      cluster.runStage("demo-" + stage);
    }

    Job train = cluster.run("demo-train-1");
    assertThat(train.getSpec().getCompletions()).isEqualTo(2);
    assertThat(environment(train, "MASTER_ADDR")).isEqualTo("demo-train-1-0.demo-train.default.svc");
    assertThat(cluster.client.services().inNamespace("default").withName("demo-train").get().getSpec()
        .getPublishNotReadyAddresses()).isTrue();
    cluster.report("demo", "progress.json", progress(1, 0.43, 3, 120));
    FlowTrainingStatus training = cluster.await("demo", s -> "43%".equals(s.progress()));
    assertThat(training.training().epoch()).isEqualTo(3);
    assertThat(training.training().loss()).isEqualTo(1.25);
    assertThat(training.training().checkpoint().path()).isEqualTo("exp/flow_model/attempt-1/step_120.pt");
    assertThat(condition(training, "Ready").status()).isEqualTo("False");
    assertThat(condition(training, "Reconciling").status()).isEqualTo("True");
    cluster.complete("demo-train-1");

    cluster.awaitJob("demo-average");
    cluster.runStage("demo-average");
    cluster.run("demo-export");
    cluster.report("demo", "artifacts.json", "[{\"name\":\"flow.pt\",\"path\":\"export/flow.pt\",\"bytes\":7,"
        + "\"sha256\":\"" + "0".repeat(64) + "\"}]");
    cluster.complete("demo-export");

    FlowTrainingStatus end = cluster.await("demo",
        s -> s.phase() == Phase.SUCCEEDED && !s.artifacts().isEmpty());
    assertThat(end.conditions()).filteredOn(Condition::holds).extracting(Condition::type).containsExactly("Ready",
        "DataPrepared", "SpeakerEmbeddingsExtracted", "SpeechTokensExtracted", "ParquetWritten", "Trained",
        "CheckpointsAveraged", "Exported");
    assertThat(end.of(Stage.PREPARE_DATA).message()).isEqualTo("utterances 12");
    assertThat(end.artifacts().getFirst().path()).isEqualTo("export/flow.pt");
    assertThat(end.image()).isEqualTo("flow-trainer@" + PlayedCluster.DIGEST);
    assertThat(image(first)).isEqualTo("flow-trainer:test");
    assertThat(image(cluster.job("demo-export"))).as("a tag may move").isEqualTo(end.image());
    cluster.awaitEvents("demo", "RunStarted", "StageStarted", "StageCompleted", "StageStarted",
        "StageCompleted", "StageStarted", "StageCompleted", "StageStarted", "StageCompleted", "StageStarted",
        "CheckpointAccepted", "StageCompleted", "StageStarted", "StageCompleted", "StageStarted", "StageCompleted",
        "Completed");

    // a finished run makes nothing anew, whoever deletes its children
    cluster.client.batch().v1().jobs().inNamespace("default").withName("demo-export").delete();
    cluster.client.resources(FlowTraining.class).inNamespace("default")
        .withName("demo").edit(ft -> {
          ft.getMetadata().getAnnotations().put("touched", "yes");
          return ft;
        });
    sleep(1500);
    assertThat(cluster.job("demo-export")).isNull();
  }

  @Test
  void oneRankFailsAndTheWholeSetStartsAgainFromTheCheckpoint() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.report("demo", "progress.json", progress(1, 0.2, 1, 50));
    cluster.await("demo", s -> s.training().checkpoint() != null);

    // rank 2 is killed; the others only lose their peer. Its pod runs on: rank 3 lives
    cluster.exit("demo-train-1-0", 0, 75, "Error", "{\"stage\":\"train\",\"rank\":0,\"reason\":\"PeerLost\","
        + "\"message\":\"rank 2 is gone\"}");
    cluster.exit("demo-train-1-1", 0, 137, "Error", "");
    FlowTrainingStatus restarting = cluster.awaitPhase("demo", Phase.RESTARTING);
    LastFailure failure = restarting.training().lastFailure();
    assertThat(failure.rank()).isEqualTo(2);
    assertThat(failure.exitCode()).isEqualTo(137);
    assertThat(failure.reason()).isEqualTo("Killed");
    assertThat(failure.node()).isEqualTo("node-1");
    assertThat(restarting.training().restarts()).isEqualTo(1);
    PlayedCluster.await(() -> cluster.job("demo-train-1"), j -> j == null);

    sleep(2000);
    assertThat(cluster.jobs()).as("old pods are still there").isEmpty();
    // a zombie of attempt 1 cannot move the checkpoint once attempt 2 runs
    cluster.letGo("demo-train-1");
    Job second = cluster.awaitJob("demo-train-2");
    assertThat(second.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs())
        .containsSubsequence("--resume-from", "exp/flow_model/attempt-1/step_50.pt");
    assertThat(environment(second, "FLOWTRAINING_ATTEMPT")).isEqualTo("2");
    cluster.run("demo-train-2");
    cluster.await("demo", s -> s.phase() == Phase.RUNNING && s.training().attempt() == 2);
    cluster.report("demo", "progress.json", progress(1, 0.9, 9, 900));
    cluster.report("demo", "progress.json", "not json");
    cluster.report("demo", "progress.json", progress(2, 0.6, 6, 80));
    FlowTrainingStatus moved = cluster.await("demo", s -> "60%".equals(s.progress()));
    assertThat(moved.training().checkpoint().path()).isEqualTo("exp/flow_model/attempt-2/step_80.pt");
    assertThat(moved.of(Stage.TRAIN).countedRestarts()).as("the budget is full again").isZero();
    cluster.complete("demo-train-2");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.training().restarts()).isEqualTo(1);
    assertThat(condition(end, "DataPrepared").reason()).isEqualTo("NotRequested");
    cluster.awaitEvents("demo", "RunStarted", "StageStarted", "CheckpointAccepted",
        "TrainingRestarted", "StageStarted", "CheckpointAccepted", "StageCompleted", "Completed");
  }

  @Test
  void aDeletedPodIsTheCauseNotItsVictims() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.await("demo", s -> s.of(Stage.TRAIN).phase() == StagePhase.RUNNING);
    // its peer notices first, and ends
    cluster.exit("demo-train-1-0", 0, 75, "Error", "{\"stage\":\"train\",\"rank\":0,\"reason\":\"PeerLost\","
        + "\"message\":\"rank 2 is gone\"}");
    cluster.client.pods().inNamespace("default").withName("demo-train-1-1").delete();
    FlowTrainingStatus restarting = cluster.awaitPhase("demo", Phase.RESTARTING);
    assertThat(restarting.training().lastFailure().reason()).isEqualTo("PodDeleted");
    assertThat(restarting.training().lastFailure().rank()).isEqualTo(2);
    assertThat(restarting.training().restarts()).isEqualTo(1);
    assertThat(restarting.training().disruptions()).isZero();
  }

  @Test
  void aPodOnALostNodeIsDeletedByForce() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.exit("demo-train-1-0", 0, 1, "Error", "");
    cluster.awaitPhase("demo", Phase.RESTARTING);
    PlayedCluster.await(() -> cluster.job("demo-train-1"), j -> j == null);
    // the garbage collector asks, the kubelet does not answer
    cluster.client.pods().inNamespace("default").withName("demo-train-1-1").delete();
    cluster.client.pods().inNamespace("default").withName("demo-train-1-0").delete();
    cluster.await("demo", s -> condition(s, "Ready").message().contains("pod demo-train-1-1 on node node-1"));
    assertThat(cluster.pod("demo-train-1-1").getMetadata().getDeletionGracePeriodSeconds()).isEqualTo(60);
    cluster.stopOperator();
    cluster.startOperator(Clock.offset(Clock.systemUTC(), Duration.ofMinutes(6)));
    PlayedCluster.await(() -> cluster.pod("demo-train-1-1").getMetadata().getDeletionGracePeriodSeconds(), g -> g == 0);
    cluster.letGo("demo-train-1");
    cluster.awaitJob("demo-train-2");
  }

  @Test
  void aPermanentExitCodeFailsAtOnce() {
    cluster.claim("speech", "ReadOnlyMany");
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(ALL_STAGES);
    cluster.run("demo-prepare-data");
    cluster.exit("demo-prepare-data-0", 0, 64, "Error", "{\"stage\":\"prepare-data\",\"reason\":\"DuplicateUtterance\","
        + "\"message\":\"text:17: utterance a1 is there twice\"}");
    cluster.fail("demo-prepare-data");
    FlowTrainingStatus failed = cluster.awaitPhase("demo", Phase.FAILED);
    assertThat(condition(failed, "Stalled").status()).isEqualTo("True");
    assertThat(condition(failed, "Reconciling").status()).isEqualTo("False");
    assertThat(condition(failed, "DataPrepared").reason()).isEqualTo("DuplicateUtterance");
    assertThat(condition(failed, "Ready").message()).contains("text:17: utterance a1 is there twice");
    assertThat(failed.training().lastFailure().exitCode()).isEqualTo(64);
    assertThat(cluster.jobs()).containsExactly("demo-prepare-data");
    cluster.awaitEvents("demo", "RunStarted", "StageStarted", "Failed");

    // a change of the spec starts it again
    cluster.apply(ALL_STAGES.replace("path: train", "path: train2"));
    Job again = cluster.awaitJob("demo-prepare-data-2");
    assertThat(again.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs()).contains("/data/train2");
  }

  @Test
  void aMissingClaimIsToldAndTheRunGoesOnWhenItComes() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(ALL_STAGES);
    FlowTrainingStatus blocked = cluster.await("demo", s -> s.condition("Stalled").filter(Condition::holds)
        .isPresent());
    assertThat(blocked.phase()).isEqualTo(Phase.PENDING);
    assertThat(condition(blocked, "Stalled").reason()).isEqualTo("VolumeClaimNotFound");
    assertThat(condition(blocked, "Stalled").message()).contains("'speech'");
    assertThat(cluster.jobs()).isEmpty();
    cluster.claim("speech", "ReadOnlyMany");
    cluster.awaitJob("demo-prepare-data");
    FlowTrainingStatus running = cluster.awaitPhase("demo", Phase.RUNNING);
    assertThat(condition(running, "Stalled").status()).isEqualTo("False");
  }

  @Test
  void anotherConfigurationAfterTheEndTrainsAnew() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.report("demo", "progress.json", progress(1, 0.9, 9, 90));
    cluster.await("demo", s -> s.training().checkpoint() != null);
    cluster.complete("demo-train-1");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);

    cluster.apply(TRAIN_ONLY + "  config: {inline: 'train_conf: {optim_conf: {lr: 0.0001}}'}\n");
    Job second = cluster.awaitJob("demo-train-2");
    assertThat(second.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs())
        .as("what it goes on from is for the trainer to find").doesNotContain("--resume-from");
    assertThat(cluster.status("demo").training().checkpoint()).isNull();
    cluster.runStage("demo-train-2");
    assertThat(cluster.awaitPhase("demo", Phase.SUCCEEDED).of(Stage.TRAIN).attempt()).isEqualTo(2);
  }

  @Test
  void anApiThatFailsIsToldAndTheRunGoesOnWhenItWorks() {
    var webhook = new ValidatingWebhookConfigurationBuilder().withNewMetadata().withName("broken").endMetadata()
        .addNewWebhook().withName("broken.test.flowtraining.dev").withSideEffects("None")
        .withAdmissionReviewVersions("v1").withFailurePolicy("Fail").withTimeoutSeconds(1)
        .withNewClientConfig().withUrl("https://127.0.0.1:1/").endClientConfig()
        .addNewRule().withApiGroups("batch").withApiVersions("v1").withOperations("CREATE").withResources("jobs")
        .endRule()
        .endWebhook().build();
    cluster.client.resource(webhook).create();
    try {
      cluster.claim("flow-workspace", "ReadWriteMany");
      cluster.apply(TRAIN_ONLY);
      FlowTrainingStatus told = cluster.await("demo",
          s -> s.condition("Reconciling").filter(c -> c.reason().equals("ApiError")).isPresent());
      assertThat(condition(told, "Reconciling").status()).isEqualTo("True");
      assertThat(condition(told, "Ready").message()).contains("broken.test.flowtraining.dev");
    } finally {
      cluster.client.resource(webhook).delete();
    }
    cluster.run("demo-train-1");
    cluster.await("demo", s -> s.phase() == Phase.RUNNING && !condition(s, "Ready").reason().equals("ApiError"));
  }

  @Test
  void theConfigurationOfARunIsKept() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.client.resource(new ConfigMapBuilder().withNewMetadata().withName("own").withNamespace("default")
        .endMetadata().addToData("flow_model.yaml", "a: 1").build()).create();
    cluster.apply(TRAIN_ONLY + "  config: {configMapRef: {name: own}}\n");
    cluster.run("demo-train-1");
    ConfigMap snapshot = PlayedCluster.await(() -> cluster.client.configMaps().inNamespace("default").list().getItems()
        .stream().filter(m -> m.getMetadata().getName().startsWith("demo-config-")).findFirst().orElse(null),
        m -> m != null);
    assertThat(snapshot.getImmutable()).isTrue();
    assertThat(snapshot.getData()).containsEntry("flow_model.yaml", "a: 1");

    cluster.await("demo", s -> s.of(Stage.TRAIN).phase() == StagePhase.RUNNING);
    cluster.client.resource(snapshot).delete();
    cluster.exit("demo-train-1-0", 0, 1, "Error", "");
    cluster.awaitPhase("demo", Phase.RESTARTING);
    cluster.letGo("demo-train-1");
    cluster.awaitJob("demo-train-2");
    assertThat(cluster.client.resource(snapshot).get().getData()).containsEntry("flow_model.yaml", "a: 1");
  }

  @Test
  void anObjectOfSomebodyElseIsLeftAlone() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.client.resource(new ConfigMapBuilder().withNewMetadata().withName("demo-progress").withNamespace("default")
        .endMetadata().addToData("mine", "yes").build()).create();
    cluster.apply(TRAIN_ONLY);
    FlowTrainingStatus blocked = cluster.await("demo", s -> s.condition("Stalled").filter(Condition::holds)
        .isPresent());
    assertThat(condition(blocked, "Stalled").reason()).isEqualTo("ObjectRefused");
    assertThat(condition(blocked, "Stalled").message()).contains("ConfigMap 'demo-progress'").contains("rename");
    ConfigMap theirs = cluster.client.configMaps().inNamespace("default").withName("demo-progress").get();
    assertThat(theirs.getMetadata().getOwnerReferences()).isEmpty();
    assertThat(theirs.getData()).containsOnlyKeys("mine");
    assertThat(cluster.jobs()).isEmpty();
    cluster.client.resource(theirs).delete();
    cluster.awaitJob("demo-train-1");
  }

  @Test
  void severalTrainingPodsNeedAWorkspaceThatTheyCanShare() {
    cluster.claim("flow-workspace", "ReadWriteOnce");
    cluster.apply(TRAIN_ONLY);
    FlowTrainingStatus blocked = cluster.await("demo", s -> s.condition("Stalled").filter(Condition::holds)
        .isPresent());
    assertThat(condition(blocked, "Ready").reason()).isEqualTo("VolumeNotShareable");
    cluster.apply(TRAIN_ONLY.replace("gpusPerPod: 2", "gpusPerPod: 4"));
    assertThat(cluster.awaitJob("demo-train-1").getSpec().getCompletions()).isEqualTo(1);
  }

  @Test
  void anOperatorRestartDisturbsNothingAndMissesNothing() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    Job before = cluster.run("demo-train-1");
    cluster.await("demo", s -> s.of(Stage.TRAIN).phase() == StagePhase.RUNNING);
    cluster.stopOperator();
    cluster.startOperator();
    cluster.report("demo", "progress.json", progress(1, 0.1, 1, 10));
    cluster.await("demo", s -> "10%".equals(s.progress()));
    assertThat(cluster.job("demo-train-1").getMetadata().getUid()).isEqualTo(before.getMetadata().getUid());
    assertThat(cluster.status("demo").training().restarts()).isZero();

    cluster.stopOperator();
    cluster.exit("demo-train-1-1", 1, 1, "Error", "boom");
    cluster.startOperator();
    FlowTrainingStatus restarting = cluster.awaitPhase("demo", Phase.RESTARTING);
    assertThat(restarting.training().lastFailure().rank()).isEqualTo(3);
    assertThat(restarting.training().lastFailure().message()).contains("boom");
    cluster.letGo("demo-train-1");
    cluster.awaitJob("demo-train-2");
  }

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

  @Test
  void theBudgetEnds() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    for (int attempt = 1; attempt <= 3; attempt++) {
      cluster.run("demo-train-" + attempt);
      cluster.exit("demo-train-" + attempt + "-0", 0, 1, "Error", "");
      if (attempt < 3) {
        int failed = attempt;
        cluster.await("demo", s -> s.training().restarts() == failed);
        cluster.letGo("demo-train-" + attempt);
      }
    }
    FlowTrainingStatus failed = cluster.awaitPhase("demo", Phase.FAILED);
    assertThat(failed.training().restarts()).isEqualTo(2);
    assertThat(condition(failed, "Trained").message()).contains("after 2 restarts (restartPolicy.maxRestarts)");
  }

  @Test
  void aChangeAfterTheEndRunsOnlyWhatItConcerns() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    String spec = TRAIN_ONLY.replace("to: train", "to: average");
    cluster.apply(spec);
    cluster.runStage("demo-train-1");
    cluster.runStage("demo-average");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);
    cluster.apply(spec + "  averaging: {num: 3}\n");
    Job again = cluster.awaitJob("demo-average-2");
    assertThat(again.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs())
        .containsSubsequence("--num", "3");
    assertThat(cluster.job("demo-train-2")).isNull();
    cluster.runStage("demo-average-2");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.of(Stage.TRAIN).attempt()).isEqualTo(1);
  }

  private static Condition condition(FlowTrainingStatus status, String type) {
    return status.condition(type).orElseThrow();
  }

  private static String image(Job job) {
    return job.getSpec().getTemplate().getSpec().getContainers().getFirst().getImage();
  }

  private static List<String> arguments(Job job) {
    return job.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs();
  }

  private static String shard(double fraction) {
    return "{\"stage\":\"speech-tokens\",\"attempt\":1,\"time\":\"%s\",\"fraction\":%s}"
        .formatted(Instant.now(), fraction);
  }

  private static String environment(Job job, String name) {
    return job.getSpec().getTemplate().getSpec().getContainers().getFirst().getEnv().stream()
        .filter(e -> e.getName().equals(name)).map(EnvVar::getValue).findFirst().orElseThrow();
  }

  private static String progress(int attempt, double fraction, int epoch, int step) {
    return """
        {"stage":"train","attempt":%d,"time":"%s","fraction":%s,"message":"epoch %d/10","epoch":%d,"maxEpoch":10,
        "step":%d,
        "loss":1.25,"checkpoint":{"path":"exp/flow_model/attempt-%d/step_%d.pt","step":%d,"epoch":%d,"time":"%s"}}"""
        .formatted(attempt, Instant.now(), fraction, epoch, epoch, step, attempt, step, step, epoch, Instant.now())
        .replace("\n", "");
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
