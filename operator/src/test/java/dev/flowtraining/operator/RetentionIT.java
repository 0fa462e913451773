package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.build.CleanUpJob;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What stays when a FlowTraining is deleted. */
class RetentionIT extends PlayedLife {

  private static final String ARTIFACTS =
      TRAIN_ONLY.replace("workspace: {", "workspace: {retain: Artifacts, cache: Shared, ");

  @Test
  void nothingIsKeptBackForOneThatLeavesEverything() {
    inTraining(TRAIN_ONLY);
    assertThat(resource().getMetadata().getFinalizers()).isEmpty();
    delete();
    assertThat(resource()).isNull();
    assertThat(cluster.jobs()).as("no Job to clean").containsExactly("demo-train-1");
  }

  @Test
  void trainingEndsThenTheFilesGoThenTheObject() {
    inTraining(ARTIFACTS);
    assertThat(resource().getMetadata().getFinalizers()).containsExactly(CleanUpJob.FINALIZER);
    String job = cleanUp();
    delete();
    PlayedCluster.await(() -> cluster.job("demo-train-1"), j -> j == null);
    cluster.await("demo", s -> condition(s, "Ready").message().contains("waiting until pod demo-train-1-0"));
    assertThat(cluster.jobs()).as("a pod may still write").isEmpty();
    cluster.letGo("demo-train-1");
    Job cleaning = cluster.awaitJob(job);
    assertThat(cleaning.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs()).containsExactly("clean",
        "--run-dir", "/workspace/default/demo", "--keep-artifacts", "--cache", "/workspace/default/.cache");
    assertThat(cleaning.getMetadata().getOwnerReferences()).isEmpty();
    FlowTrainingStatus status =
        cluster.await("demo", s -> condition(s, "Ready").message().contains("workspace.retain: Artifacts"));
    assertThat(condition(status, "Reconciling").reason()).isEqualTo("CleaningUp");
    cluster.runStage(job);
    PlayedCluster.await(RetentionIT::resource, ft -> ft == null);
    assertThat(cluster.events("demo")).endsWith("Cleaned");
    cluster.letGo(job);
  }

  @Test
  void anEndedRunGoesThoughItsFilesCannotBeRemoved() {
    ended();
    String job = cleanUp();
    delete();
    cluster.run(job);
    cluster.exit(cluster.awaitJob(job).getMetadata().getName() + "-0", 0, 75, "Error",
        "{\"stage\":null,\"reason\":\"RunDirectoryInUse\",\"message\":\"/workspace/default/demo is in use by process 7\"}");
    cluster.fail(job);
    PlayedCluster.await(RetentionIT::resource, ft -> ft == null);
    assertThat(told("CleanupFailed")).contains("run directory default/demo on claim flow-workspace")
        .contains("in use by process 7").contains("by hand");
    cluster.letGo(job);
  }

  @Test
  void oneThatIsNeverCleanedGoesAfterAWhile() {
    ended();
    String job = cleanUp();
    delete();
    cluster.awaitJob(job);
    sleep(1000);
    assertThat(resource()).isNotNull();
    cluster.stopOperator();
    cluster.startOperator(Clock.offset(Clock.systemUTC(), Duration.ofMinutes(11)));
    PlayedCluster.await(RetentionIT::resource, ft -> ft == null);
    assertThat(told("CleanupFailed")).contains("not done within 10 minutes");
    PlayedCluster.await(() -> cluster.job(job), j -> j == null);
    sleep(1000);
    assertThat(cluster.job(job)).as("made again").isNull();
  }

  @Test
  void whatIsToStayMayBeSaidAtAnyTimeAndRunsNothingAgain() {
    ended();
    cluster.apply(TRAIN_ONLY.replace("workspace: {", "workspace: {retain: All, cache: None, "));
    PlayedCluster.await(RetentionIT::resource, ft -> ft.getMetadata().getFinalizers().isEmpty());
    sleep(1000);
    assertThat(cluster.status("demo").phase()).isEqualTo(Phase.SUCCEEDED);
    assertThat(cluster.jobs()).containsExactly("demo-train-1");
    delete();
    assertThat(resource()).isNull();
  }

  @Test
  void aToolThatAppliesItAgainLeavesTheFinalizerAlone() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.applyAs("kustomize-controller", ARTIFACTS);
    cluster.runStage("demo-train-1");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);
    FlowTraining before = resource();
    assertThat(before.getMetadata().getFinalizers()).containsExactly(CleanUpJob.FINALIZER);
    assertThat(before.getMetadata().getManagedFields())
        .filteredOn(f -> f.getSubresource() == null && !f.getManager().equals("kustomize-controller")).singleElement()
        .satisfies(f -> assertThat(f.getFieldsV1().getAdditionalProperties()).as("the operator owns the finalizer")
            .containsOnlyKeys("f:metadata"));
    cluster.applyAs("kustomize-controller", ARTIFACTS);
    assertThat(resource().getMetadata().getResourceVersion()).isEqualTo(before.getMetadata().getResourceVersion());
    cluster.applyAs("kustomize-controller", TRAIN_ONLY);
    PlayedCluster.await(RetentionIT::resource, ft -> ft.getMetadata().getFinalizers().isEmpty());
  }

  private static void inTraining(String spec) {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(spec);
    cluster.run("demo-train-1");
    cluster.awaitPhase("demo", Phase.RUNNING);
  }

  /** One whose artifacts are to stay. */
  private static void ended() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(ARTIFACTS);
    cluster.runStage("demo-train-1");
    cluster.awaitPhase("demo", Phase.SUCCEEDED);
  }

  private static FlowTraining resource() {
    return cluster.client.resources(FlowTraining.class).inNamespace("default").withName("demo").get();
  }

  private static String cleanUp() {
    return "demo-clean-" + resource().getMetadata().getUid().substring(0, 8);
  }

  private static void delete() {
    cluster.client.resources(FlowTraining.class).inNamespace("default").withName("demo").delete();
  }

  private static String told(String reason) {
    return PlayedCluster.await(() -> cluster.client.v1().events().inNamespace("default").list().getItems().stream()
        .filter(e -> e.getReason().equals(reason)).map(e -> e.getMessage()).toList(), (List<String> m) -> m.size() == 1)
        .getFirst();
  }
}
