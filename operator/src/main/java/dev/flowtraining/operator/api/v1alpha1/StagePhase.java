package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** Where a stage stands. */
public enum StagePhase {
  /** Its turn has not come. */
  PENDING("Pending"),
  /** Its Job exists, or is being created. */
  RUNNING("Running"),
  /** An attempt failed; the next comes when its last pod is gone and the back-off is over. */
  RESTARTING("Restarting"),
  /** Its attempt was ended because the FlowTraining is suspended; the next comes when it is resumed. */
  SUSPENDED("Suspended"),
  /** Complete. */
  SUCCEEDED("Succeeded"),
  /** Failed for good. */
  FAILED("Failed"),
  /** Outside the stage range. */
  NOT_REQUESTED("NotRequested");

  private final String id;

  StagePhase(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
