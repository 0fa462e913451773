package dev.flowtraining.operator.e2e;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.resource.v1.Device;
import io.fabric8.kubernetes.api.model.resource.v1.DeviceBuilder;
import io.fabric8.kubernetes.api.model.resource.v1.DeviceClass;
import io.fabric8.kubernetes.api.model.resource.v1.DeviceClassBuilder;
import io.fabric8.kubernetes.api.model.resource.v1.ResourceSlice;
import io.fabric8.kubernetes.api.model.resource.v1.ResourceSliceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.List;
import java.util.stream.IntStream;

/** GPUs that nodes and a driver say they have, for the scheduler: nothing can run on them. */
final class PlayedGpus implements AutoCloseable {
  static final String RESOURCE = "nvidia.com/gpu";
  static final String DRIVER = "gpu.nvidia.com";
  private static final String ZONE = "topology.kubernetes.io/zone";

  private final KubernetesClient client;
  /** The cluster's workers. */
  final List<String> nodes;

  PlayedGpus(KubernetesClient client) {
    this.client = client;
    nodes = client.nodes().list().getItems().stream().filter(n -> n.getSpec().getTaints().isEmpty())
        .map(n -> n.getMetadata().getName()).sorted().toList();
  }

  /** As a device plugin would have it. */
  void capacity(String node, int gpus) {
    client.nodes().withName(node).editStatus(n -> counted(n, new Quantity(Integer.toString(gpus))));
  }

  private static Node counted(Node node, Quantity gpus) {
    node.getStatus().getCapacity().put(RESOURCE, gpus);
    node.getStatus().getAllocatable().put(RESOURCE, gpus);
    return node;
  }

  /** As a DRA driver would have it. */
  void slice(String node, int gpus) {
    List<Device> devices = IntStream.range(0, gpus).mapToObj(i -> new DeviceBuilder().withName("gpu-" + i).build()).toList();
    client.resource(new ResourceSliceBuilder().withNewMetadata().withName(sliceOf(node)).endMetadata()
        .withNewSpec().withDriver(DRIVER).withNodeName(node)
        .withNewPool().withName(node).withGeneration(1L).withResourceSliceCount(1L).endPool()
        .withDevices(devices).endSpec().build()).create();
  }

  void deviceClass() {
    client.resource(new DeviceClassBuilder().withNewMetadata().withName(DRIVER).endMetadata().withNewSpec()
        .addNewSelector().withNewCel("device.driver == '" + DRIVER + "'").endSelector().endSpec().build()).create();
  }

  void zone(String node, String zone) {
    client.nodes().withName(node).edit(n -> {
      n.getMetadata().getLabels().put(ZONE, zone);
      return n;
    });
  }

  private static String sliceOf(String node) {
    return "e2e-" + node;
  }

  @Override
  public void close() {
    for (String node : nodes) {
      client.nodes().withName(node).editStatus(n -> {
        n.getStatus().getCapacity().remove(RESOURCE);
        n.getStatus().getAllocatable().remove(RESOURCE);
        return n;
      });
      client.nodes().withName(node).edit(n -> {
        n.getMetadata().getLabels().remove(ZONE);
        return n;
      });
      client.resources(ResourceSlice.class).withName(sliceOf(node)).delete();
    }
    client.resources(DeviceClass.class).withName(DRIVER).delete();
  }
}
