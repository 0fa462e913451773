package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/** A checkpoint that the trainer has verified and the operator has accepted. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Checkpoint(
    @JsonPropertyDescription("Its path, relative to the run directory.")
    String path,

    @JsonPropertyDescription("The optimizer step after which it was written.")
    Long step,

    @JsonPropertyDescription("The epoch in which it was written.")
    Integer epoch,

    @JsonPropertyDescription("When it was written.")
    String time) {
}
