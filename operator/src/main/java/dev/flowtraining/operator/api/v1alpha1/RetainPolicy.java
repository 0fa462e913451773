package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** Whether the workspace claim outlives the FlowTraining. */
public enum RetainPolicy {
  RETAIN("Retain"),
  DELETE("Delete");

  private final String id;

  RetainPolicy(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
