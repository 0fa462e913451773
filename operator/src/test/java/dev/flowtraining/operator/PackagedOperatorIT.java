package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
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

  @Test
  void anOperatorThatEndsGivesTheLeaseBack() throws Exception {
    try (PackagedOperator operator = new PackagedOperator(scratch, kubeConfig)) {
      PlayedCluster.await(this::holder, holder -> holder != null);
    }
    assertThat(holder()).isNull();
  }

  @Test
  void anOperatorThatHasLostTheLeaseEnds() throws Exception {
    try (PackagedOperator operator = new PackagedOperator(scratch, kubeConfig)) {
      PlayedCluster.await(this::holder, holder -> holder != null);
      lease().patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\": {\"holderIdentity\": \"another\"}}");
      assertThat(operator.awaitEnd()).isEqualTo(1);
      assertThat(operator.log()).contains("flowtraining-system/flowtraining-operator is lost");
    }
    assertThat(holder()).isEqualTo("another");
    lease().delete();
  }

  @Test
  void anOperatorThatStartsBeforeTheApiServerWaitsForIt() throws Exception {
    int port = PackagedOperator.freePort();
    int server = cluster.client.getMasterUrl().getPort();
    try (PackagedOperator operator = new PackagedOperator(scratch, kubeConfig.replace(":" + server, ":" + port))) {
      PlayedCluster.await(operator::log, log -> log.contains("waiting for the API server"));
      try (ServerSocket door = new ServerSocket(port, 50, InetAddress.getLoopbackAddress())) {
        Thread.startVirtualThread(() -> forward(door, server));
        PlayedCluster.await(this::holder, holder -> holder != null);
      }
    }
  }

  private static void forward(ServerSocket door, int server) {
    try {
      while (true) {
        Socket in = door.accept();
        Socket out = new Socket(InetAddress.getLoopbackAddress(), server);
        Thread.startVirtualThread(() -> pour(in, out));
        Thread.startVirtualThread(() -> pour(out, in));
      }
    } catch (IOException e) {
      // the test is over
    }
  }

  private static void pour(Socket from, Socket to) {
    try (from; to) {
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // one side has closed
    }
  }

  private String holder() {
    Lease lease = lease().get();
    return lease == null ? null : lease.getSpec().getHolderIdentity();
  }

  private Resource<Lease> lease() {
    return cluster.client.leases().inNamespace("flowtraining-system").withName("flowtraining-operator");
  }
}
