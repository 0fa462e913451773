package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** The access modes of Kubernetes that a workspace can have. */
public enum AccessMode {
  READ_WRITE_MANY("ReadWriteMany"),
  READ_WRITE_ONCE("ReadWriteOnce");

  private final String id;

  AccessMode(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
