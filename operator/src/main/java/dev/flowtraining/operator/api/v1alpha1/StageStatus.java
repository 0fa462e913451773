package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;

/** How a stage goes. Counters outlive restarts of the operator: they are here and nowhere else. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record StageStatus(
    @JsonPropertyDescription("The stage.")
    @Required
    Stage name,

    @JsonPropertyDescription("Pending, Running, Restarting, Suspended, Succeeded, Failed or NotRequested.")
    StagePhase phase,

    @JsonPropertyDescription("A hash of what the spec asks of this stage and those before it. A stage that is "
        + "complete is run again only when it changes.")
    String inputHash,

    @JsonPropertyDescription("The Job of the attempt that runs or ran last.")
    String jobName,

    @JsonPropertyDescription("Of a stage that several pods share: Fit, Shards or Merge, which follow each other.")
    StageStep step,

    @JsonPropertyDescription("How many pods share the step Shards.")
    Integer shards,

    @JsonPropertyDescription("The attempt that runs or ran last, from 1; it never goes back.")
    Integer attempt,

    @JsonPropertyDescription("Restarts after failures, all in all.")
    Integer restarts,

    @JsonPropertyDescription("Restarts after disruptions and suspensions, all in all.")
    Integer disruptions,

    @JsonPropertyDescription("Restarts after failures that count against restartPolicy.maxRestarts: those since the "
        + "run began, or since the last accepted checkpoint.")
    Integer countedRestarts,

    @JsonPropertyDescription("Restarts after disruptions that count against restartPolicy.maxDisruptions.")
    Integer countedDisruptions,

    @JsonPropertyDescription("When the stage first started in this run.")
    String startTime,

    @JsonPropertyDescription("When the stage was complete, or failed for good.")
    String completionTime,

    @JsonPropertyDescription("When the next attempt may start.")
    String nextAttemptTime,

    @JsonPropertyDescription("Percent done.")
    Integer progress,

    @JsonPropertyDescription("What the stage says of its work; at its end what it counted.")
    String message) {

  public static StageStatus pending(Stage stage) {
    return new StageStatus(stage, StagePhase.PENDING, null, null, null, null, 0, 0, 0, 0, 0, null, null, null, null,
        null);
  }

  /** At the beginning of a run: counters that only count go on, budgets start anew. */
  public StageStatus reset(StagePhase newPhase, String newHash) {
    return new StageStatus(name, newPhase, newHash, jobName, null, null, attempt, restarts, disruptions, 0, 0, null,
        null, null, null, null);
  }

  public StageStatus withPhase(StagePhase newPhase) {
    return new StageStatus(name, newPhase, inputHash, jobName, step, shards, attempt, restarts, disruptions,
        countedRestarts, countedDisruptions, startTime, completionTime, nextAttemptTime, progress, message);
  }

  /** A Job starts: of a new attempt, or of the next step of this one. */
  public StageStatus started(String job, StageStep newStep, Integer pods, int newAttempt, String time) {
    return new StageStatus(name, StagePhase.RUNNING, inputHash, job, newStep == StageStep.WHOLE ? null : newStep,
        newStep == StageStep.SHARDS ? pods : null, newAttempt, restarts, disruptions, countedRestarts,
        countedDisruptions, startTime == null ? time : startTime, null, null, progress, null);
  }

  public StageStatus ended(StagePhase newPhase, String time, String newMessage) {
    return new StageStatus(name, newPhase, inputHash, jobName, step, shards, attempt, restarts, disruptions,
        countedRestarts, countedDisruptions, startTime, time, null,
        newPhase == StagePhase.SUCCEEDED ? Integer.valueOf(100) : progress, newMessage);
  }

  /** The attempt failed. When the next one may start is known when its last pod is gone. */
  public StageStatus restarting(boolean disruption, String newMessage) {
    return new StageStatus(name, StagePhase.RESTARTING, inputHash, jobName, step, shards, attempt,
        restarts + (disruption ? 0 : 1), disruptions + (disruption ? 1 : 0), countedRestarts + (disruption ? 0 : 1),
        countedDisruptions + (disruption ? 1 : 0), startTime, null, null, progress, newMessage);
  }

  public StageStatus backingOff(String next) {
    return new StageStatus(name, phase, inputHash, jobName, step, shards, attempt, restarts, disruptions,
        countedRestarts, countedDisruptions, startTime, completionTime, next, progress, message);
  }

  /** Its attempt ends on request: that uses up no budget. */
  public StageStatus suspended(String newMessage) {
    boolean atWork = phase == StagePhase.RUNNING;
    return new StageStatus(name, StagePhase.SUSPENDED, inputHash, jobName, step, shards, attempt, restarts,
        disruptions + (atWork ? 1 : 0), countedRestarts, countedDisruptions, startTime, null, null, progress,
        newMessage);
  }

  public StageStatus withProgress(Integer percent, String newMessage) {
    return new StageStatus(name, phase, inputHash, jobName, step, shards, attempt, restarts, disruptions,
        countedRestarts, countedDisruptions, startTime, completionTime, nextAttemptTime, percent, newMessage);
  }

  public StageStatus withBudgetRefilled() {
    return new StageStatus(name, phase, inputHash, jobName, step, shards, attempt, restarts, disruptions, 0, 0,
        startTime, completionTime, nextAttemptTime, progress, message);
  }

  /** The step of the Job that runs or ran last. */
  public StageStep jobStep() {
    return step == null ? StageStep.WHOLE : step;
  }

  public StageStatus {
    phase = phase == null ? StagePhase.PENDING : phase;
    attempt = attempt == null ? 0 : attempt;
    restarts = restarts == null ? 0 : restarts;
    disruptions = disruptions == null ? 0 : disruptions;
    countedRestarts = countedRestarts == null ? 0 : countedRestarts;
    countedDisruptions = countedDisruptions == null ? 0 : countedDisruptions;
  }
}
