package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** What a rank computes on. */
public enum Device {
  CUDA("cuda"),
  CPU("cpu");

  private final String id;

  Device(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
