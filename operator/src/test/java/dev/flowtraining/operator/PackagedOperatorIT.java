package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the other tests cannot see, since they register the reconciler themselves: how the package configures it. */
@EnableKubeAPIServer
class PackagedOperatorIT {

  private static final String RECONCILES = "reconciliations_success_total{controller_name=\"flowtraining\"}";
  private static final Pattern SUCCEEDED = Pattern.compile("flowtraining_resources\\{phase=\"Succeeded\"[^}]*} 1\\.0");

  @KubeConfig
  static String kubeConfig;
  @TempDir
  static Path scratch;

  static PlayedCluster cluster;

  @BeforeAll
  static void install() {
    cluster = new PlayedCluster(new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build());
    Crd.install(cluster.client);
    cluster.client.resource(new NamespaceBuilder().withNewMetadata().withName("flowtraining-system").endMetadata()
        .build()).create();
  }

  @AfterEach
  void clean() {
    cluster.clean();
  }

  @Test
  void oneThatIsDeletedIsReconciledUntilItsFilesAreGone() throws Exception {
    try (PackagedOperator operator = new PackagedOperator(scratch, kubeConfig)) {
      cluster.claim("flow-workspace", "ReadWriteMany");
      FlowTraining ft = cluster.apply(PlayedLife.TRAIN_ONLY.replace("workspace: {", "workspace: {retain: None, "));
      cluster.runStage("demo-train-1");
      cluster.awaitPhase("demo", Phase.SUCCEEDED);
      cluster.client.resource(ft).delete();
      cluster.runStage("demo-clean-" + ft.getMetadata().getUid().substring(0, 8));
      PlayedCluster.await(() -> cluster.client.resource(ft).get(), gone -> gone == null);
      assertThat(cluster.events("demo")).endsWith("Cleaned");
    }
  }

  @Test
  void anOperatorThatStartsLooksAtWhatRestsOnlyWhenItIsChanged() throws Exception {
    try (PackagedOperator operator = new PackagedOperator(scratch, kubeConfig)) {
      cluster.claim("flow-workspace", "ReadWriteMany");
      cluster.apply(PlayedLife.TRAIN_ONLY);
      cluster.runStage("demo-train-1");
      cluster.awaitPhase("demo", Phase.SUCCEEDED);
      PlayedCluster.await(operator::scrape, s -> s.contains(RECONCILES));
    }
    try (PackagedOperator operator = new PackagedOperator(scratch, kubeConfig)) {
      PlayedCluster.await(operator::scrape, s -> SUCCEEDED.matcher(s).find());
      Thread.sleep(1500);
      assertThat(operator.scrape()).doesNotContain(RECONCILES);
      cluster.apply(PlayedLife.TRAIN_ONLY.replace("to: train", "to: train, rerunFrom: train, rerunId: monday"));
      cluster.runStage("demo-train-2");
    }
  }
}
