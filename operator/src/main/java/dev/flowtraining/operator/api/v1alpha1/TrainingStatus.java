package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/** How stage 4 goes: the last values that rank 0 reported, and the attempts. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record TrainingStatus(
    @JsonPropertyDescription("The epoch that is being trained.")
    Integer epoch,

    @JsonPropertyDescription("The last epoch of the configuration.")
    Integer maxEpoch,

    @JsonPropertyDescription("Optimizer steps done.")
    Long step,

    @JsonPropertyDescription("The last training loss.")
    Double loss,

    @JsonPropertyDescription("The last validation loss.")
    Double cvLoss,

    @JsonPropertyDescription("The lowest validation loss so far.")
    Double bestCvLoss,

    @JsonPropertyDescription("The learning rate.")
    Double learningRate,

    @JsonPropertyDescription("Mel frames that all ranks together train on in a second.")
    Double framesPerSecond,

    @JsonPropertyDescription("When the trainer expects to be done.")
    String estimatedCompletion,

    @JsonPropertyDescription("The attempt that runs or ran last, from 1.")
    Integer attempt,

    @JsonPropertyDescription("How often the whole set was restarted after a failure.")
    Integer restarts,

    @JsonPropertyDescription("How often the whole set was restarted after a disruption (eviction, preemption, node "
        + "lost).")
    Integer disruptions,

    @JsonPropertyDescription("The last accepted checkpoint; the next attempt resumes from it.")
    Checkpoint checkpoint,

    @JsonPropertyDescription("The root cause of the last failure, of any stage.")
    LastFailure lastFailure) {

  public static TrainingStatus empty() {
    return new TrainingStatus(null, null, null, null, null, null, null, null, null, null, 0, 0, null, null);
  }

  public TrainingStatus withLastFailure(LastFailure failure) {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, attempt, restarts, disruptions, checkpoint, failure);
  }

  public TrainingStatus withCheckpoint(Checkpoint accepted) {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, attempt, restarts, disruptions, accepted, lastFailure);
  }

  public TrainingStatus withAttempts(Integer newAttempt, Integer newRestarts, Integer newDisruptions) {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, newAttempt, newRestarts, newDisruptions, checkpoint, lastFailure);
  }

  public TrainingStatus withoutEstimate() {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        null, attempt, restarts, disruptions, checkpoint, lastFailure);
  }
}
