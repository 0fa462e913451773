package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/** What the operator remembers of a run, to know later what is another one. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record RunStatus(
    @JsonPropertyDescription("A hash of all of the spec but suspend and ttlAfterFinished. An ended run is looked at "
        + "again when it changes.")
    String specHash,

    @JsonPropertyDescription("The last wish to run again (stages.rerunFrom and rerunId) that was granted.")
    String rerun,

    @JsonPropertyDescription("When its children were deleted, ttlAfterFinished after its end.")
    String childrenDeletedTime) {

  public static RunStatus none() {
    return new RunStatus(null, null, null);
  }

  public RunStatus withSpecHash(String hash) {
    return new RunStatus(hash, rerun, childrenDeletedTime);
  }

  /** A run begins. */
  public RunStatus begun(String wish) {
    return new RunStatus(specHash, wish == null ? rerun : wish, null);
  }

  public RunStatus childrenDeleted(String time) {
    return new RunStatus(specHash, rerun, time);
  }
}
