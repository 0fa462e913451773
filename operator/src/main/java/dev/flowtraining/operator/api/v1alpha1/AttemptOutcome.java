package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** How an attempt of a stage ended. */
public enum AttemptOutcome {
  RUNNING("Running"),
  SUCCEEDED("Succeeded"),
  /** It failed by itself. */
  FAILED("Failed"),
  /** Kubernetes took a pod away. */
  DISRUPTED("Disrupted"),
  /** It was ended because the FlowTraining was suspended. */
  SUSPENDED("Suspended");

  private final String id;

  AttemptOutcome(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
