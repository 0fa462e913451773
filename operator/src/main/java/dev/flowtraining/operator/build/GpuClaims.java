package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import io.fabric8.kubernetes.api.model.PodResourceClaim;
import io.fabric8.kubernetes.api.model.PodResourceClaimBuilder;
import io.fabric8.kubernetes.api.model.ResourceClaim;
import io.fabric8.kubernetes.api.model.resource.v1.ResourceClaimTemplate;
import io.fabric8.kubernetes.api.model.resource.v1.ResourceClaimTemplateBuilder;
import java.util.List;

/**
 * The GPUs of a pod as one claim. Every container gets the whole of it, and a rank takes the device LOCAL_RANK: ranks
 * that see each other's GPUs, in one process namespace and with one /dev/shm, talk through NVLink; ranks that see only
 * their own do not come up within a pod, and between pods fall back to sockets.
 */
final class GpuClaims {

  private static final String NAME = "gpus";

  private GpuClaims() {
  }

  /** From which Kubernetes makes a claim for each pod, and deletes it with the pod. */
  static ResourceClaimTemplate template(FlowTraining ft) {
    TrainingSpec training = ft.getSpec().training();
    return new ResourceClaimTemplateBuilder()
        .withMetadata(RunObjects.meta(ft, Names.gpuClaims(ft)))
        .withNewSpec()
        .withNewSpec()
        .withNewDevices()
        .addNewRequest()
        .withName(NAME)
        .withNewExactly()
        .withDeviceClassName(training.gpuDeviceClass()).withAllocationMode("ExactCount")
        .withCount((long) training.gpusPerPod())
        .endExactly()
        .endRequest()
        .endDevices()
        .endSpec()
        .endSpec()
        .build();
  }

  static List<PodResourceClaim> ofPod(FlowTraining ft) {
    return List.of(new PodResourceClaimBuilder().withName(NAME)
        .withResourceClaimTemplateName(Names.gpuClaims(ft)).build());
  }

  /** Without the name of a request, which would show a container a part of the claim only. */
  static List<ResourceClaim> ofContainer() {
    return List.of(new ResourceClaim(NAME, null));
  }
}
