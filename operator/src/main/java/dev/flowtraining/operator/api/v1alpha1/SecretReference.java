package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;

/** A Secret in the namespace of the FlowTraining. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record SecretReference(
    @JsonPropertyDescription("The name of the Secret.")
    @Required
    @Size(min = 1, max = 253)
    String name) {
}
