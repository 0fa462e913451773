package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonValue;

/** Which checkpoints stage 5 takes. */
public enum AverageBy {
  LAST("last"),
  VAL_BEST("valBest"),
  EMA("ema");

  private final String id;

  AverageBy(String id) {
    this.id = id;
  }

  @JsonValue
  public String id() {
    return id;
  }
}
