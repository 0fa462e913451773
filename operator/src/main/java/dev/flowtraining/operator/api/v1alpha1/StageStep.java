package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** What of a stage a Job does. */
public enum StageStep {
  /** All of it, in one pod or, in training, in one set. */
  WHOLE("Whole"),
  /** What all shards need, such as codebooks. */
  FIT("Fit"),
  /** A share of the work in each of several pods. */
  SHARDS("Shards"),
  /** The join of what the shards made. */
  MERGE("Merge");

  private final String id;

  StageStep(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
