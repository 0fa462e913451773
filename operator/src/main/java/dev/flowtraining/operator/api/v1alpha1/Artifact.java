package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/** A file that the export stage made. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Artifact(
    @JsonPropertyDescription("What it is, for example flow.pt.")
    String name,

    @JsonPropertyDescription("Its path, relative to the run directory.")
    String path,

    @JsonPropertyDescription("Its size in bytes.")
    Long bytes,

    @JsonPropertyDescription("Its SHA-256, in hexadecimal.")
    String sha256) {
}
