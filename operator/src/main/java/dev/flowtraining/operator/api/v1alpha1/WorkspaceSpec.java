package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/** Where the run directory lies. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record WorkspaceSpec(
    @JsonPropertyDescription("A claim that exists, or the template of one. Several training pods need ReadWriteMany.")
    WorkspaceVolume volume) {

  public WorkspaceSpec {
    volume = volume == null ? new WorkspaceVolume(null, new ClaimTemplate(null, null, null, null)) : volume;
  }
}
