package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** Where a FlowTraining stands as a whole. */
public enum Phase {
  /** Nothing runs yet: just seen, or blocked by something that is missing (the condition Stalled says what). */
  PENDING("Pending"),
  /** A stage is at work, or the next is about to start. */
  RUNNING("Running"),
  /** A stage failed and will be started again: its old pods are going, or the back-off is not over. */
  RESTARTING("Restarting"),
  /** spec.suspend was set: what runs is on its way out, training with a checkpoint first. */
  SUSPENDING("Suspending"),
  /** Nothing runs and no GPU is held, until spec.suspend is taken back. */
  SUSPENDED("Suspended"),
  /** All requested stages are complete. */
  SUCCEEDED("Succeeded"),
  /** A stage failed for good; a change of the spec starts it again. */
  FAILED("Failed");

  private final String id;

  Phase(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }

  /** A stage is at work, or will be without anybody's doing. */
  public boolean isInProgress() {
    return this == RUNNING || this == RESTARTING;
  }

  public boolean isTerminal() {
    return this == SUCCEEDED || this == FAILED;
  }
}
