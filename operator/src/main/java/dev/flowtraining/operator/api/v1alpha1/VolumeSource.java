package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;

/** A volume that exists already. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record VolumeSource(
    @JsonPropertyDescription("A claim in the namespace of the FlowTraining.")
    @Required
    ClaimReference persistentVolumeClaim) {
}
