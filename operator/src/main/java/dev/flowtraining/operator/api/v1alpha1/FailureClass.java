package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** What a failure counts as. */
public enum FailureClass {
  /** Kubernetes took a pod away: a budget of its own. */
  DISRUPTION("Disruption"),
  /** Worth another attempt, within the budget. */
  RETRYABLE("Retryable"),
  /** Another attempt would end the same way. */
  PERMANENT("Permanent");

  private final String id;

  FailureClass(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
