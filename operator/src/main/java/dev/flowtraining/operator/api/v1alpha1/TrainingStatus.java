package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import java.time.Duration;
import java.time.Instant;

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

    @JsonPropertyDescription("How long training was active before activeSince, in seconds.")
    Long activeSeconds,

    @JsonPropertyDescription("Since when training is active; training.activeDeadline counts from there, "
        + "and activeSeconds.")
    String activeSince,

    @JsonPropertyDescription("The last accepted checkpoint; the next attempt resumes from it.")
    Checkpoint checkpoint,

    @JsonPropertyDescription("The root cause of the last failure, of any stage.")
    LastFailure lastFailure,

    @JsonPropertyDescription("How the ranks of the running attempt exchange gradients.")
    Transport transport) {

  public static TrainingStatus empty() {
    return new TrainingStatus(null, null, null, null, null, null, null, null, null, null, 0, 0, null, null, null, null,
        null);
  }

  public TrainingStatus withLastFailure(LastFailure failure) {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, attempt, restarts, disruptions, activeSeconds, activeSince, checkpoint, failure,
        transport);
  }

  public TrainingStatus withCheckpoint(Checkpoint accepted) {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, attempt, restarts, disruptions, activeSeconds, activeSince, accepted, lastFailure,
        transport);
  }

  public TrainingStatus withAttempts(Integer newAttempt, Integer newRestarts, Integer newDisruptions) {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, newAttempt, newRestarts, newDisruptions, activeSeconds, activeSince, checkpoint,
        lastFailure, transport);
  }

  /** @param epochs that are done; they are counted from 0 */
  public TrainingStatus trained(int epochs, long steps, Double lastCvLoss, Double lowestCvLoss) {
    return new TrainingStatus(epochs - 1, epochs, steps, loss, lastCvLoss, lowestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, attempt, restarts, disruptions, activeSeconds, activeSince, checkpoint, lastFailure,
        transport);
  }

  /** What the trainer's record tells, where nothing was reported: the training was complete before this run. */
  public TrainingStatus filled(TrainingStatus record) {
    return step != null ? this : new TrainingStatus(record.epoch, record.maxEpoch, record.step, loss, record.cvLoss,
        record.bestCvLoss, learningRate, framesPerSecond, estimatedCompletion, attempt, restarts, disruptions,
        activeSeconds, activeSince, checkpoint, lastFailure, transport);
  }

  /** The clock of the deadline goes on. */
  public TrainingStatus active(String time) {
    return withActivity(activeSeconds, activeSince == null ? time : activeSince);
  }

  /** The clock of the deadline stands: training is suspended, or over. */
  public TrainingStatus inactive(String time) {
    return activeSince == null ? this : withActivity(activeFor(Instant.parse(time)).toSeconds(), null);
  }

  private TrainingStatus withActivity(Long seconds, String since) {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, attempt, restarts, disruptions, seconds, since, checkpoint, lastFailure, transport);
  }

  /** Without suspensions. */
  public Duration activeFor(Instant now) {
    Duration before = Duration.ofSeconds(activeSeconds == null ? 0 : activeSeconds);
    return activeSince == null ? before : before.plus(Duration.between(Instant.parse(activeSince), now));
  }

  public TrainingStatus withoutEstimate() {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond, null,
        attempt, restarts, disruptions, activeSeconds, activeSince, checkpoint, lastFailure, transport);
  }

  public TrainingStatus withTransport(Transport measured) {
    return new TrainingStatus(epoch, maxEpoch, step, loss, cvLoss, bestCvLoss, learningRate, framesPerSecond,
        estimatedCompletion, attempt, restarts, disruptions, activeSeconds, activeSince, checkpoint, lastFailure,
        measured);
  }
}
