package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.TensorBoardState;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import org.junit.jupiter.api.Test;

/** spec.tensorBoard: it comes, changes and goes, and the run does not notice. */
class TensorBoardIT extends PlayedLife {

  private static final String NAME = "demo-tensorboard";
  private static final String WATCHED = TRAIN_ONLY + "  tensorBoard: {}\n";
  private static final String ONE_POD = WATCHED.replace("gpus: 4", "gpus: 2");

  @Test
  void itComesChangesAndGoesAndTheTrainingDoesNotNotice() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(WATCHED);
    cluster.run("demo-train-1");
    await(TensorBoardState.WAITING);
    assertThat(deployment()).isNull();
    cluster.bind("flow-workspace");
    cluster.report("demo", "progress.json", progress(1, 0.1, 1, 10));
    await(TensorBoardState.STARTING);
    Deployment first = deployment();
    assertThat(first.getMetadata().getOwnerReferences()).extracting(OwnerReference::getName).containsExactly("demo");
    assertThat(pod(first).getContainers().getFirst().getImage()).isEqualTo("tensorboard:test");
    assertThat(service().getSpec().getSelector())
        .allSatisfy((k, v) -> assertThat(first.getSpec().getTemplate().getMetadata().getLabels()).containsEntry(k, v));
    becomesAvailable();
    assertThat(await(TensorBoardState.READY).tensorBoard().message()).contains("port-forward svc/" + NAME + " 6006");

    Job training = cluster.job("demo-train-1");
    cluster.apply(WATCHED.replace("{}", "{image: 'other:1', nodeSelector: {disk: fast}}"));
    PlayedCluster.await(TensorBoardIT::deployment,
        d -> pod(d).getContainers().getFirst().getImage().equals("other:1"));
    cluster.client.resource(deployment()).delete();
    PlayedCluster.await(TensorBoardIT::deployment,
        d -> d != null && !d.getMetadata().getUid().equals(first.getMetadata().getUid()));
    cluster.client.resource(service()).delete();
    PlayedCluster.await(TensorBoardIT::service, s -> s != null);
    assertThat(cluster.job("demo-train-1").getMetadata().getGeneration())
        .isEqualTo(training.getMetadata().getGeneration());

    cluster.complete("demo-train-1");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.attempts()).hasSize(1);
    assertThat(deployment()).as("after the end").isNotNull();
    cluster.apply(TRAIN_ONLY);
    PlayedCluster.await(TensorBoardIT::deployment, d -> d == null);
    PlayedCluster.await(TensorBoardIT::service, s -> s == null);
    cluster.await("demo", s -> s.tensorBoard() == null);
    assertThat(cluster.status("demo").phase()).isEqualTo(Phase.SUCCEEDED);
    assertThat(cluster.jobs()).containsExactly("demo-train-1");
    assertThat(cluster.events("demo")).containsOnlyOnce("TensorBoardReady").containsOnlyOnce("StageStarted");
  }

  @Test
  void onAVolumeOfOneNodeItIsBesideTrainingAndGoesBeforeTheNextAttempt() {
    cluster.claim("flow-workspace", "ReadWriteOnce");
    cluster.bind("flow-workspace");
    cluster.apply(ONE_POD);
    cluster.awaitJob("demo-train-1");
    await(TensorBoardState.ONLY_WHILE_TRAINING);
    cluster.run("demo-train-1");
    await(TensorBoardState.STARTING);
    assertThat(pod(deployment()).getAffinity().getPodAffinity()).isNotNull();
    // its pod is on a node that does not answer: it goes by force only
    cluster.client.resource(new PodBuilder()
        .withNewMetadata().withName("board-pod").withNamespace("default")
        .withLabels(deployment().getSpec().getTemplate().getMetadata().getLabels()).endMetadata()
        .withSpec(pod(deployment())).editSpec().withNodeName("node-0").endSpec().build()).create();

    cluster.exit("demo-train-1-0", 1, 75, "Error", "");
    cluster.fail("demo-train-1");
    await(TensorBoardState.ONLY_WHILE_TRAINING);
    assertThat(deployment()).isNull();
    PlayedCluster.await(() -> cluster.pod("board-pod"), p -> p == null);
    cluster.letGo("demo-train-1");
    cluster.run("demo-train-2");
    await(TensorBoardState.STARTING);
    cluster.complete("demo-train-2");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.training().restarts()).isEqualTo(1);
    await(TensorBoardState.ONLY_WHILE_TRAINING);
  }

  @Test
  void whereItCannotBeTheRunGoesOnAndAnEventTellsWhy() {
    cluster.claim("flow-workspace", "ReadWriteOncePod");
    cluster.bind("flow-workspace");
    cluster.apply(ONE_POD);
    await(TensorBoardState.NOT_SHAREABLE);
    cluster.runStage("demo-train-1");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.tensorBoard().message()).contains("claim flow-workspace is ReadWriteOncePod");
    assertThat(cluster.events("demo")).contains("TensorBoardUnavailable");
    assertThat(deployment()).isNull();
  }

  @Test
  void aDeploymentOfSomebodyElseIsLeftAloneAndTheRunGoesOn() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.bind("flow-workspace");
    Deployment theirs = cluster.client.resource(new DeploymentBuilder()
        .withNewMetadata().withName(NAME).withNamespace("default").endMetadata()
        .withNewSpec().withNewSelector().addToMatchLabels("a", "b").endSelector()
        .withNewTemplate().withNewMetadata().addToLabels("a", "b").endMetadata()
        .withNewSpec().addNewContainer().withName("c").withImage("i").endContainer().endSpec().endTemplate()
        .endSpec().build()).create();
    cluster.apply(WATCHED);
    cluster.runStage("demo-train-1");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(await(TensorBoardState.REFUSED).tensorBoard().message()).contains("was not made for this FlowTraining");
    assertThat(deployment().getMetadata().getGeneration()).isEqualTo(theirs.getMetadata().getGeneration());
  }

  @Test
  void itGoesBeforeTheFilesThatAreNotToStay() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.bind("flow-workspace");
    cluster.apply(WATCHED.replace("workspace: {", "workspace: {retain: None, "));
    cluster.runStage("demo-train-1");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);
    await(TensorBoardState.STARTING);
    FlowTraining ft = cluster.client.resources(FlowTraining.class).inNamespace("default").withName("demo").get();
    cluster.client.resource(ft).delete();
    String job = "demo-clean-" + ft.getMetadata().getUid().substring(0, 8);
    cluster.awaitJob(job);
    assertThat(deployment()).isNull();
    cluster.runStage(job);
    PlayedCluster.await(() -> cluster.client.resource(ft).get(), gone -> gone == null);
    cluster.letGo(job);
  }

  private static FlowTrainingStatus await(TensorBoardState state) {
    return cluster.await("demo", s -> s.tensorBoard() != null && s.tensorBoard().state() == state);
  }

  private static Deployment deployment() {
    return cluster.client.apps().deployments().inNamespace("default").withName(NAME).get();
  }

  private static Service service() {
    return cluster.client.services().inNamespace("default").withName(NAME).get();
  }

  private static PodSpec pod(Deployment deployment) {
    return deployment.getSpec().getTemplate().getSpec();
  }

  /** What the Deployment controller says once the pod answers. */
  private static void becomesAvailable() {
    Deployment now = deployment();
    cluster.client.resource(new DeploymentBuilder(now).withNewStatus()
        .withObservedGeneration(now.getMetadata().getGeneration()).withReplicas(1).withReadyReplicas(1).withUpdatedReplicas(1)
        .withAvailableReplicas(1).endStatus().build()).updateStatus();
  }
}
