package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** When the kubelet pulls the image; the meaning is that of Kubernetes. */
public enum ImagePullPolicy {
  ALWAYS("Always"),
  IF_NOT_PRESENT("IfNotPresent"),
  NEVER("Never");

  private final String id;

  ImagePullPolicy(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
