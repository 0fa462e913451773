package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Size;

/** Lets pods run on nodes with a taint; the meaning is that of Kubernetes. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record TolerationSpec(
    @JsonPropertyDescription("The key of the taint; all keys without it.")
    @Size(max = 253)
    String key,

    @JsonPropertyDescription("Exists or Equal.")
    @Size(max = 16)
    String operator,

    @JsonPropertyDescription("The value of the taint, with operator Equal.")
    @Size(max = 253)
    String value,

    @JsonPropertyDescription("NoSchedule, PreferNoSchedule or NoExecute; all effects without it.")
    @Size(max = 32)
    String effect,

    @JsonPropertyDescription("With effect NoExecute: how many seconds a pod stays after the taint came.")
    Long tolerationSeconds) {
}
