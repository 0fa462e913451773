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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the other tests cannot see, since they register the reconciler themselves: how the package configures it. */
@EnableKubeAPIServer
class PackagedOperatorIT {

  @KubeConfig
  static String kubeConfig;
  @TempDir
  static Path scratch;

  @Test
  void oneThatIsDeletedIsReconciledUntilItsFilesAreGone() throws Exception {
    PlayedCluster cluster =
        new PlayedCluster(new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build());
    Crd.install(cluster.client);
    cluster.client.resource(new NamespaceBuilder().withNewMetadata().withName("flowtraining-system").endMetadata()
        .build()).create();
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
}
