package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;

/** Where the pods of a training set lie to each other. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Placement(
    @JsonPropertyDescription("All pods of the training set go to nodes with one value of this label, for example "
        + "kubernetes.io/hostname (one node) or topology.kubernetes.io/zone; they wait when there is no room.")
    @Required
    @Size(min = 1, max = 317)
    @Pattern("^([a-z0-9.-]+/)?[A-Za-z0-9._-]+$")
    String topologyKey) {
}
