package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;
import io.fabric8.kubernetes.api.model.Quantity;
import java.util.List;
import java.util.Map;

/** A TensorBoard beside the run. It belongs to no stage: whatever is changed here, nothing runs again. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record TensorBoardSpec(
    @JsonPropertyDescription("An image with the command tensorboard; the operator's default without it. It is pulled "
        + "with template.imagePullSecrets.")
    @Size(min = 1, max = 512)
    String image,

    @JsonPropertyDescription("CPU and memory; by default 50m and 256Mi are set aside, so that no rank has to wait for "
        + "it, and 1Gi is the limit.")
    Resources resources,

    @JsonPropertyDescription("Labels that its node must have; those of template without it. Not used with a "
        + "ReadWriteOnce workspace: there it runs on the node of the training pod.")
    @Size(max = 32)
    Map<String, String> nodeSelector,

    @JsonPropertyDescription("Taints that it tolerates; those of template without it.")
    @Size(max = 32)
    List<TolerationSpec> tolerations) {

  public TensorBoardSpec {
    resources = resources == null
        ? new Resources(Map.of("cpu", new Quantity("50m"), "memory", new Quantity("256Mi")),
            Map.of("memory", new Quantity("1Gi")))
        : resources;
    nodeSelector = nodeSelector == null ? Map.of() : Map.copyOf(nodeSelector);
    tolerations = tolerations == null ? List.of() : List.copyOf(tolerations);
  }
}
