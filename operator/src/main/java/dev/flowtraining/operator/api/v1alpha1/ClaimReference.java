package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;

/** A PersistentVolumeClaim by name. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ClaimReference(
    @JsonPropertyDescription("The name of the PersistentVolumeClaim.")
    @Required
    @Size(min = 1, max = 253)
    String claimName) {
}
