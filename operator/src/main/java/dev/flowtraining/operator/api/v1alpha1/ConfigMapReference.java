package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;

/** A key of a ConfigMap in the namespace of the FlowTraining. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ConfigMapReference(
    @JsonPropertyDescription("The name of the ConfigMap.")
    @Required
    @Size(min = 1, max = 253)
    String name,

    @JsonPropertyDescription("The key that holds the YAML text.")
    @Size(min = 1, max = 253)
    String key) {

  public ConfigMapReference {
    key = key == null ? "flow_model.yaml" : key;
  }
}
