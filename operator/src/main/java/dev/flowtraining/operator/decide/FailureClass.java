package dev.flowtraining.operator.decide;

/** What a failure counts as. */
public enum FailureClass {
  /** Kubernetes took a pod away: a budget of its own. */
  DISRUPTION("disruption"),
  /** Worth another attempt, within the budget. */
  RETRYABLE("retryable"),
  /** Another attempt would end the same way. */
  PERMANENT("permanent");

  private final String id;

  FailureClass(String id) {
    this.id = id;
  }

  /** As in the label of the metric. */
  public String id() {
    return id;
  }
}
