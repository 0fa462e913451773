package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** What of the run directory outlives the FlowTraining. */
public enum RunRetention {
  ALL("All"),
  /** What the stage export made. */
  ARTIFACTS("Artifacts"),
  NONE("None");

  private final String id;

  RunRetention(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
