package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.resource.v1.DeviceRequestAllocationResult;
import io.fabric8.kubernetes.api.model.resource.v1.ResourceClaim;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Eight GPUs on two nodes, played: where the pods of training go, and which GPUs their containers hold. */
@ExtendWith(KindCluster.Failures.class)
class GpuPlacementE2E {
  private static final Duration SOON = Duration.ofMinutes(2);

  private KindCluster cluster;
  private PlayedGpus gpus;
  private String one;
  private String other;

  @BeforeEach
  void open() throws IOException {
    cluster = KindCluster.open("gpus");
    gpus = new PlayedGpus(cluster.client);
    assumeThat(gpus.nodes).as("nodes that take pods: ./flow test --faults has two").hasSizeGreaterThanOrEqualTo(2);
    one = gpus.nodes.get(0);
    other = gpus.nodes.get(1);
  }

  @AfterEach
  void close() {
    gpus.close();
    cluster.close();
  }

  @Test
  void eightPodsHoldOneGpuEachAndTheLastWaitsForIt() {
    gpus.capacity(one, 4);
    gpus.capacity(other, 3);
    cluster.apply("plugin", spec("training: {gpus: 8}"));
    KindCluster.await(SOON, "seven pods have their GPUs", () -> placed("plugin").size() == 7 && waits("plugin"));
    gpus.capacity(other, 4);
    KindCluster.await(SOON, "the eighth has its GPU", () -> placed("plugin").size() == 8);
    assertThat(perNode("plugin")).isEqualTo(Map.of(one, 4L, other, 4L));
    for (Pod pod : placed("plugin")) {
      assertThat(pod.getSpec().getContainers()).singleElement().satisfies(rank -> assertThat(
          rank.getResources().getLimits()).containsEntry(PlayedGpus.RESOURCE, new Quantity("1")));
    }
  }

  @Test
  void twoPodsOfFourShareAClaimEachWithinAZone() {
    gpus.deviceClass();
    gpus.slice(one, 4);
    gpus.slice(other, 4);
    gpus.zone(one, "a");
    gpus.zone(other, "b");
    cluster.apply("claimed", spec("""
        training:
          gpus: 8
          gpusPerPod: 4
          gpuSharing: DeviceClaim
          placement: {topologyKey: topology.kubernetes.io/zone}"""));
    KindCluster.await(SOON, "one pod is placed, no zone has GPUs for both",
        () -> placed("claimed").size() == 1 && waits("claimed"));
    gpus.zone(one, "c");
    gpus.zone(other, "c");
    KindCluster.await(SOON, "both are placed", () -> placed("claimed").size() == 2);
    assertThat(perNode("claimed")).isEqualTo(Map.of(one, 1L, other, 1L));
    for (Pod pod : placed("claimed")) {
      assertThat(pod.getSpec().getContainers()).hasSize(4);
      for (Container rank : pod.getSpec().getContainers()) {
        assertThat(rank.getResources().getClaims()).singleElement().satisfies(claim -> {
          assertThat(claim.getName()).isEqualTo("gpus");
          assertThat(claim.getRequest()).as("the whole of the claim").isNull();
        });
      }
      assertThat(devices(pod)).containsExactlyInAnyOrder("gpu-0", "gpu-1", "gpu-2", "gpu-3");
    }
  }

  /** An image that is nowhere: pods are placed, and nothing in them runs. */
  private static String spec(String training) {
    return """
        stages: {from: train, to: train}
        workspace: {volume: {persistentVolumeClaim: {claimName: flow-workspace}}}
        config: {preset: tiny}
        template: {image: 'flow-trainer:of-no-registry'}
        """ + training + "\n";
  }

  private List<Pod> placed(String name) {
    return cluster.pods(name + "-train-1").stream().filter(p -> p.getSpec().getNodeName() != null).toList();
  }

  private boolean waits(String name) {
    return cluster.pods(name + "-train-1").stream().filter(p -> p.getSpec().getNodeName() == null)
        .flatMap(p -> p.getStatus().getConditions().stream())
        .anyMatch(c -> c.getType().equals("PodScheduled") && "Unschedulable".equals(c.getReason()));
  }

  private Map<String, Long> perNode(String name) {
    return placed(name).stream().collect(Collectors.groupingBy(p -> p.getSpec().getNodeName(), Collectors.counting()));
  }

  /** What was allocated to a pod's claim, all of it on the pod's node. */
  private List<String> devices(Pod pod) {
    String claim = pod.getStatus().getResourceClaimStatuses().getFirst().getResourceClaimName();
    List<DeviceRequestAllocationResult> results = Objects.requireNonNull(cluster.client.resources(ResourceClaim.class)
        .inNamespace(cluster.namespace).withName(claim).get()).getStatus().getAllocation().getDevices().getResults();
    assertThat(results).allSatisfy(r -> {
      assertThat(r.getDriver()).isEqualTo(PlayedGpus.DRIVER);
      assertThat(r.getPool()).isEqualTo(pod.getSpec().getNodeName());
    });
    return results.stream().map(DeviceRequestAllocationResult::getDevice).toList();
  }
}
