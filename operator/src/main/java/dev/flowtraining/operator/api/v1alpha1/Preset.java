package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** The configurations that the trainer image brings along. */
public enum Preset {
  PRODUCTION("production"),
  FINE_TUNE("fine-tune"),
  TINY("tiny");

  private final String id;

  Preset(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
