package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** Whether the results of stages 0–3 are shared with other FlowTrainings. */
public enum CachePolicy {
  NONE("None"),
  SHARED("Shared");

  private final String id;

  CachePolicy(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
