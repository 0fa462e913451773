package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/** Where the TensorBoard is, or why there is none. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record TensorBoardStatus(
    @JsonPropertyDescription("Ready, Starting, Waiting, OnlyWhileTraining, NotShareable, Expired or Refused.")
    TensorBoardState state,

    @JsonPropertyDescription("How to reach it, or why it is not there.")
    String message) {
}
