package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Size;
import java.time.Duration;

/** Budgets for each stage. Exit codes 2 and 64-66 are permanent and are never tried again. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record RestartPolicy(
    @JsonPropertyDescription("How many restarts after failures (exit code 1, 75 or a signal, a deleted pod, no "
        + "progress) a stage may have before it fails.")
    @Min(0)
    @Max(1000)
    Integer maxRestarts,

    @JsonPropertyDescription("How many restarts after disruptions (eviction, preemption, a lost node) a stage may have "
        + "before it fails.")
    @Min(0)
    @Max(1000)
    Integer maxDisruptions,

    @JsonPropertyDescription("How long to wait before a restart: initial, then factor times longer each time, at most "
        + "max.")
    Backoff backoff,

    @JsonPropertyDescription("Whether a checkpoint further than the one before refills both budgets and starts the "
        + "back-off anew.")
    Boolean resetAfterCheckpoint,

    @JsonPropertyDescription("How long a node may be not ready before its pods are given up, for example 3m: a stage "
        + "that runs there starts again elsewhere as after a disruption, and pods on their way out are deleted by "
        + "force.")
    @Size(min = 2, max = 20)
    @Pattern(Durations.PATTERN)
    String nodeLostTimeout) {

  public RestartPolicy {
    maxRestarts = maxRestarts == null ? 10 : maxRestarts;
    maxDisruptions = maxDisruptions == null ? 100 : maxDisruptions;
    backoff = backoff == null ? new Backoff(null, null, null) : backoff;
    resetAfterCheckpoint = resetAfterCheckpoint == null || resetAfterCheckpoint;
    nodeLostTimeout = nodeLostTimeout == null ? "3m" : nodeLostTimeout;
  }

  public static RestartPolicy defaults() {
    return new RestartPolicy(null, null, null, null, null);
  }

  public Duration nodeLostAfter() {
    return Durations.parse(nodeLostTimeout);
  }
}
