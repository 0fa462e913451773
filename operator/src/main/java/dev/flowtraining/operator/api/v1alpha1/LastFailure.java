package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/** The root cause of the last failed attempt of a stage. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record LastFailure(
    @JsonPropertyDescription("The stage that failed; check for the check before the first stage.")
    String stage,

    @JsonPropertyDescription("The attempt that failed.")
    Integer attempt,

    @JsonPropertyDescription("The rank that failed first, in training.")
    Integer rank,

    @JsonPropertyDescription("The node it ran on.")
    String node,

    @JsonPropertyDescription("The exit code of its container, if it ended by itself or by a signal.")
    Integer exitCode,

    @JsonPropertyDescription("The cause in one word: the trainer's own (its termination message), or OOMKilled, "
        + "Killed, PodDeleted, Evicted, NoProgress, ...")
    String reason,

    @JsonPropertyDescription("The cause in a sentence.")
    String message,

    @JsonPropertyDescription("When it failed.")
    String time,

    @JsonPropertyDescription("What it counts as: Disruption (restartPolicy.maxDisruptions), Retryable "
        + "(restartPolicy.maxRestarts) or Permanent.")
    FailureClass countsAs) {

  public LastFailure(String stage, Integer attempt, Integer rank, String node, Integer exitCode, String reason,
      String message, String time) {
    this(stage, attempt, rank, node, exitCode, reason, message, time, null);
  }

  public LastFailure countingAs(FailureClass failureClass) {
    return new LastFailure(stage, attempt, rank, node, exitCode, reason, message, time, failureClass);
  }

  public LastFailure withTime(String newTime) {
    return new LastFailure(stage, attempt, rank, node, exitCode, reason, message, newTime, countsAs);
  }
}
