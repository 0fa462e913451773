package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** Whether there is a TensorBoard to look at. None of these says anything about the run. */
public enum TensorBoardState {
  READY("Ready"),
  /** It is made, and its pod does not answer yet. */
  STARTING("Starting"),
  /** The workspace claim is not bound: a pod of it now could decide where all others have to run. */
  WAITING("Waiting"),
  /** The workspace is for one node at a time, and training does not hold it. */
  ONLY_WHILE_TRAINING("OnlyWhileTraining"),
  /** The workspace is for one pod at a time. */
  NOT_SHAREABLE("NotShareable"),
  /** ttlAfterFinished is over. */
  EXPIRED("Expired"),
  /** The API server does not take it. */
  REFUSED("Refused");

  private final String id;

  TensorBoardState(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }

  /** Whether it comes only when a user changes something. */
  public boolean isWrong() {
    return this == NOT_SHAREABLE || this == REFUSED;
  }
}
