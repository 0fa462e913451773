package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;

/** What befalls the cluster itself, and its end. */
final class Outages {
  private static final String MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml";
  private static final String ASIDE = "/root/kube-apiserver.yaml";

  private final KindCluster cluster;
  private final NodeProcesses nodes;
  private final CaseLog log;

  Outages(KindCluster cluster, NodeProcesses nodes, CaseLog log) {
    this.cluster = cluster;
    this.nodes = nodes;
    this.log = log;
  }

  void cordon(String node, boolean unschedulable) {
    cluster.client.nodes().withName(node).edit(n -> {
      n.getSpec().setUnschedulable(unschedulable);
      return n;
    });
  }

  void nodeIsReady(String node) {
    KindCluster.await(FaultedRun.PATIENCE, node + " is ready",
        () -> cluster.client.nodes().withName(node).get().getStatus().getConditions().stream()
            .anyMatch(c -> c.getType().equals("Ready") && c.getStatus().equals("True")));
  }

  void killNode(String node) {
    log.say(node + " is killed");
    nodes.away(node);
    execute("docker", "kill", node);
  }

  /** All its processes stand still, as far as others can tell. */
  void pauseNode(String node) {
    log.say(node + " is paused");
    nodes.away(node);
    execute("docker", "pause", node);
  }

  void wakeNode(String node) {
    execute("docker", "unpause", node);
    nodes.back();
    log.say(node + " wakes up");
  }

  /** Brings stopped nodes back. */
  void clusterUp() {
    String command = System.getProperty("faults.cluster");
    assertThat(command).as("-Dfaults.cluster, the command that brings the cluster up").isNotNull();
    execute("sh", "-c", command);
    nodes.back();
    log.say("all nodes are back");
  }

  private static void execute(String... command) {
    try {
      int code = new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.INHERIT).start().waitFor();
      assertThat(code).as(String.join(" ", command)).isZero();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Its manifest is taken from the kubelet, so that it does not come back by itself. */
  void stopApiServer() {
    nodes.run(cluster.controlPlane, "mv " + MANIFEST + " " + ASIDE + "; kill -KILL $(pidof kube-apiserver)");
    log.say("the API server is stopped");
  }

  void startApiServer() {
    assertThat(cluster.answers()).as("the API server was away all the time").isFalse();
    nodes.run(cluster.controlPlane, "mv " + ASIDE + " " + MANIFEST);
    apiServerIsBack();
  }

  /** The kubelet starts it again. */
  void killEtcd() {
    nodes.run(cluster.controlPlane, "kill -KILL $(pidof etcd)");
    log.say("etcd is killed");
  }

  void apiServerIsBack() {
    KindCluster.await(FaultedRun.PATIENCE, "the API server answers", cluster::answers);
    log.say("the API server answers");
  }
}
