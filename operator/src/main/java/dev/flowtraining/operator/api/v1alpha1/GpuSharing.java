package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** How containers get their GPUs. */
public enum GpuSharing {
  DEVICE_PLUGIN("DevicePlugin");

  private final String id;

  GpuSharing(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
