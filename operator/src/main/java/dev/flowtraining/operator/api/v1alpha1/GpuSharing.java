package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** How containers get their GPUs. */
public enum GpuSharing {
  /** One extended resource for each container, which sees that GPU alone: a pod for each GPU. */
  DEVICE_PLUGIN("DevicePlugin"),
  /** A claim of a pod's GPUs (resource.k8s.io/v1) that all its containers see, so that they reach each other. */
  DEVICE_CLAIM("DeviceClaim");

  private final String id;

  GpuSharing(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
