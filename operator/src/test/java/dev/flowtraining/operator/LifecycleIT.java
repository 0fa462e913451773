package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.ManagedFieldsEntry;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBuilder;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whole lives of FlowTrainings against a real API server. */
class LifecycleIT extends PlayedLife {

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
  void aRoleOfSomebodyElseIsLeftAloneAndTheJobIsNotMadeTwice() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    Role theirs = cluster.client.resource(new RoleBuilder().withNewMetadata().withName("demo-progress")
        .withNamespace("default").endMetadata().build()).create();
    cluster.apply(TRAIN_ONLY);
    FlowTrainingStatus blocked = cluster.await("demo", s -> s.condition("Stalled").filter(Condition::holds)
        .isPresent());
    assertThat(condition(blocked, "Stalled").message()).contains("Role 'demo-progress'").contains("rename");
    assertThat(cluster.client.resource(theirs).get().getRules()).isNullOrEmpty();
    String job = cluster.awaitJob("demo-train-1").getMetadata().getUid();
    cluster.client.resource(theirs).delete();
    FlowTrainingStatus running = cluster.await("demo", s -> s.of(Stage.TRAIN).attempt() == 1);
    assertThat(condition(running, "Stalled").holds()).isFalse();
    assertThat(cluster.job("demo-train-1").getMetadata().getUid()).isEqualTo(job);
    assertThat(cluster.client.rbac().roles().inNamespace("default").withName("demo-progress").get().getRules())
        .isNotEmpty();
  }

  @Test
  void childrenGoAfterTheirTimeAndStayAway() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    String spec = TRAIN_ONLY + "  config: {inline: 'a: 1'}\n  ttlAfterFinished: {success: 3s}\n";
    cluster.apply(spec);
    cluster.runStage("demo-train-1");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    FlowTrainingStatus tidy = cluster.await("demo", s -> s.run().childrenDeletedTime() != null);
    assertThat(tidy.run().childrenDeletedTime()).isGreaterThan(end.completionTime());
    cluster.letGo("demo-train-1");
    var client = cluster.client;
    PlayedCluster.await(cluster::jobs, List::isEmpty);
    assertThat(client.configMaps().inNamespace("default").withLabel("flowtraining.dev/name").list().getItems())
        .isEmpty();
    assertThat(client.services().inNamespace("default").withName("demo-train").get()).isNull();
    assertThat(client.serviceAccounts().inNamespace("default").withName("demo-progress").get()).isNull();
    assertThat(client.rbac().roles().inNamespace("default").withName("demo-progress").get()).isNull();
    assertThat(client.rbac().roleBindings().inNamespace("default").withName("demo-progress").get()).isNull();
    cluster.apply(spec.replace("3s", "4s"));
    cluster.stopOperator();
    cluster.startOperator();
    sleep(1500);
    assertThat(cluster.jobs()).isEmpty();
    assertThat(cluster.status("demo").phase()).isEqualTo(Phase.SUCCEEDED);
    cluster.awaitEvents("demo", "RunStarted", "StageStarted", "StageCompleted", "Completed", "Expired");
    // a change of what was run makes them again
    cluster.apply(spec.replace("a: 1", "a: 2"));
    cluster.awaitJob("demo-train-2");
  }

  @Test
  void anEndedFlowTrainingMayDeleteItselfAndOneThatIsAppliedAgainAdoptsItsRun() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    String spec = TRAIN_ONLY + "  ttlAfterFinished: {success: 1s, deleteSelf: true}\n";
    cluster.apply(spec);
    cluster.runStage("demo-train-1");
    PlayedCluster.await(() -> cluster.client.resources(FlowTraining.class).inNamespace("default").withName("demo")
        .get(), ft -> ft == null);
    cluster.letGo("demo-train-1");
    cluster.client.batch().v1().jobs().inNamespace("default").delete();
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    // the trainer says that nothing is to be done, and what there is
    cluster.report("demo", "stage-train.json", "{\"stage\":\"train\",\"counts\":{\"epochs\":20,\"steps\":900,"
        + "\"cvLoss\":0.5,\"bestCvLoss\":0.25}}");
    cluster.complete("demo-train-1");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.training().epoch()).as("counted from 0").isEqualTo(19);
    assertThat(end.training().maxEpoch()).isEqualTo(20);
    assertThat(end.training().step()).isEqualTo(900);
    assertThat(end.training().bestCvLoss()).isEqualTo(0.25);
  }

  @Test
  void aToolThatAppliesTheSameAgainFindsNothingToDo() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.applyAs("kustomize-controller", TRAIN_ONLY);
    cluster.runStage("demo-train-1");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);
    cluster.stopOperator();
    FlowTraining before = cluster.client.resources(FlowTraining.class).inNamespace("default").withName("demo").get();
    assertThat(before.getMetadata().getManagedFields()).filteredOn(f -> f.getSubresource() == null)
        .as("the operator owns no field but the status").extracting(ManagedFieldsEntry::getManager)
        .containsExactly("kustomize-controller");
    cluster.applyAs("kustomize-controller", TRAIN_ONLY);   // without force: a conflict would be an error
    FlowTraining after = cluster.client.resources(FlowTraining.class).inNamespace("default").withName("demo").get();
    assertThat(after.getMetadata().getResourceVersion()).isEqualTo(before.getMetadata().getResourceVersion());
    cluster.startOperator();
  }

  @Test
  void aStageIsDoneAgainWhenThatIsWished() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    String spec = TRAIN_ONLY.replace("to: train", "to: average");
    cluster.apply(spec);
    cluster.runStage("demo-train-1");
    cluster.runStage("demo-average");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);
    cluster.apply(spec.replace("to: average", "to: average, rerunFrom: average, rerunId: monday"));
    Job again = cluster.awaitJob("demo-average-2");
    assertThat(environment(again, "FLOWTRAINING_RERUN")).isEqualTo("average/monday");
    cluster.runStage("demo-average-2");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.of(Stage.TRAIN).attempt()).isEqualTo(1);
    cluster.apply(spec);
    sleep(1500);
    assertThat(cluster.jobs()).as("a wish that is taken back").containsExactlyInAnyOrder("demo-train-1",
        "demo-average", "demo-average-2");
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

  private static String image(Job job) {
    return job.getSpec().getTemplate().getSpec().getContainers().getFirst().getImage();
  }
}
