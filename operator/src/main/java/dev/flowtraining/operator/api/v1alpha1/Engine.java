package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** How the ranks share the work. */
public enum Engine {
  TORCH_DDP("torch_ddp"),
  DEEPSPEED("deepspeed");

  private final String id;

  Engine(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
