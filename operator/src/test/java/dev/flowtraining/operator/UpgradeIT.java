package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.decide.InputHash;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An upgrade as manifests/README.md has it, while a FlowTraining of an older release trains in its second attempt. */
@EnableKubeAPIServer
class UpgradeIT {

  @KubeConfig
  static String kubeConfig;
  @TempDir
  Path scratch;
  private PlayedCluster cluster;

  @AfterEach
  void stop() {
    cluster.stopOperator();
  }

  @Test
  void whatTrainsIsNotDisturbed() throws Exception {
    Release old = Release.of("0.1.0");
    cluster = new PlayedCluster(new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build());
    apply("-f", old.crd());
    cluster.claim("speech", "ReadOnlyMany");
    cluster.claim("flow-workspace", "ReadWriteMany");
    old.restore(cluster.client, Names.MANAGER);
    Map<String, Object> stored = stored();
    Map<String, String> jobs = jobs();
    FlowTrainingStatus before = cluster.status("demo");
    assertThat(before.training().attempt()).isEqualTo(2);
    assertThat(jobs).containsKeys("demo-prepare-data", "demo-speaker-embedding", "demo-speech-tokens", "demo-parquet",
        "demo-train-2");

    apply("-k", Path.of(System.getProperty("crds.dir")));
    assertThat(stored()).as("no field is lost").containsAllEntriesOf(stored);
    assertThat(cluster.client.resource(training()).dryRun().update()).as("the new CRD takes it").isNotNull();
    cluster.startOperator();

    cluster.report("demo", "progress.json", PlayedLife.progress(2, 0.7, 7, 120));
    FlowTrainingStatus after = cluster.await("demo", s -> "70%".equals(s.progress()));
    assertThat(jobs()).as("the very same Jobs").isEqualTo(jobs);
    assertThat(cluster.pod("demo-train-2-0").getMetadata().getDeletionTimestamp()).isNull();
    assertThat(after.phase()).isEqualTo(Phase.RUNNING);
    assertThat(after.attempts()).isEqualTo(before.attempts());
    assertThat(after.training().restarts()).isEqualTo(before.training().restarts()).isEqualTo(1);
    assertThat(after.training().lastFailure()).isEqualTo(before.training().lastFailure());
    assertThat(hashes(after)).isEqualTo(hashes(before)).as("no stage is wanted anew, now or when it is applied again")
        .isEqualTo(List.copyOf(InputHash.of(training().getSpec(), Optional.empty()).values()));
    assertThat(after.image()).isEqualTo(before.image());
    assertThat(cluster.status("demo").training().checkpoint().step()).isEqualTo(120);

    cluster.complete("demo-train-2");
    cluster.runStage("demo-average");
    cluster.runStage("demo-export");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.of(Stage.TRAIN).attempt()).isEqualTo(2);
    assertThat(end.startTime()).isEqualTo(before.startTime());
    cluster.awaitEvents("demo", "CheckpointAccepted", "StageCompleted", "StageStarted", "StageCompleted",
        "StageStarted", "StageCompleted", "Completed");
    TreeMap<String, String> made = new TreeMap<>(jobs());
    made.keySet().removeAll(jobs.keySet());
    assertThat(made.keySet()).as("nothing else ran").containsExactly("demo-average", "demo-export");
  }

  private void apply(Object... what) throws Exception {
    Path config = Files.writeString(scratch.resolve("kubeconfig"), kubeConfig);
    ClientBinary.run("kubectl", "--kubeconfig", config, "apply", "--server-side", what[0], what[1]);
    ClientBinary.run("kubectl", "--kubeconfig", config, "wait", "--for=condition=Established",
        "crd/flowtrainings.flowtraining.dev", "--timeout=30s");
  }

  private FlowTraining training() {
    return cluster.client.resources(FlowTraining.class).inNamespace(PlayedCluster.NAMESPACE).withName("demo").get();
  }

  /** As it is in the API server, with a line for each field. */
  private Map<String, Object> stored() {
    GenericKubernetesResource object = cluster.client
        .genericKubernetesResources(ResourceDefinitionContext.fromResourceType(FlowTraining.class))
        .inNamespace(PlayedCluster.NAMESPACE).withName("demo").get();
    Map<String, Object> fields = new TreeMap<>();
    flatten("", object.getAdditionalProperties(), fields);
    return fields;
  }

  private static void flatten(String path, Object value, Map<String, Object> into) {
    switch (value) {
      case Map<?, ?> map -> map.forEach((key, child) -> flatten(path + "/" + key, child, into));
      case List<?> list -> {
        for (int i = 0; i < list.size(); i++) {
          flatten(path + "/" + i, list.get(i), into);
        }
      }
      default -> into.put(path, value);
    }
  }

  /** What each is, and which version of its spec. */
  private Map<String, String> jobs() {
    List<Job> all = cluster.client.batch().v1().jobs().inNamespace(PlayedCluster.NAMESPACE).list().getItems();
    return all.stream().map(HasMetadata::getMetadata).collect(Collectors.toMap(m -> m.getName(),
        m -> m.getUid() + ", generation " + m.getGeneration() + ", deleted " + m.getDeletionTimestamp()));
  }

  private static List<String> hashes(FlowTrainingStatus status) {
    return status.stages().stream().map(StageStatus::inputHash).toList();
  }
}
