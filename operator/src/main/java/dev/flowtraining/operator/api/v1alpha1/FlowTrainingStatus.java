package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What the operator knows of a FlowTraining. Written by the operator only, once a reconcile. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record FlowTrainingStatus(
    @JsonPropertyDescription("The generation of the spec that this status speaks of.")
    Long observedGeneration,

    @JsonPropertyDescription("Pending, Running, Restarting, Suspending, Suspended, Succeeded or Failed.")
    Phase phase,

    @JsonPropertyDescription("The stage at work, or the one that the run ended with.")
    Stage stage,

    @JsonPropertyDescription("How much of that stage is done, for example 43%.")
    String progress,

    @JsonPropertyDescription("Ready, Reconciling, Stalled, Suspended, FastTransport of ranks on GPUs, and one condition "
        + "for each stage.")
    List<Condition> conditions,

    @JsonPropertyDescription("Each of the seven stages.")
    List<StageStatus> stages,

    @JsonPropertyDescription("How training goes.")
    TrainingStatus training,

    @JsonPropertyDescription("The last ten attempts of stages, the newest last.")
    List<AttemptStatus> attempts,

    @JsonPropertyDescription("What the export stage made.")
    List<Artifact> artifacts,

    @JsonPropertyDescription("The trainer image of this run; by its digest once a pod has it and it came from a "
        + "registry.")
    String image,

    @JsonPropertyDescription("When the run started.")
    String startTime,

    @JsonPropertyDescription("When the run ended.")
    String completionTime,

    @JsonPropertyDescription("What the run was, or will be, made for.")
    RunStatus run,

    @JsonPropertyDescription("The TensorBoard that spec.tensorBoard asks for.")
    TensorBoardStatus tensorBoard) {

  public FlowTrainingStatus {
    conditions = conditions == null ? List.of() : List.copyOf(conditions);
    stages = stages == null ? List.of() : List.copyOf(stages);
    training = training == null ? TrainingStatus.empty() : training;
    attempts = attempts == null ? List.of() : List.copyOf(attempts);
    artifacts = artifacts == null ? List.of() : List.copyOf(artifacts);
    run = run == null ? RunStatus.none() : run;
  }

  public static FlowTrainingStatus empty() {
    return new FlowTrainingStatus(null, null, null, null, null, null, null, null, null, null, null, null, null, null);
  }

  /** The status of a stage; one that was never seen is pending. */
  public StageStatus of(Stage stage) {
    return stages.stream().filter(s -> s.name() == stage).findFirst().orElseGet(() -> StageStatus.pending(stage));
  }

  public Optional<Condition> condition(String type) {
    return conditions.stream().filter(c -> c.type().equals(type)).findFirst();
  }

  public FlowTrainingStatus with(StageStatus changed) {
    List<StageStatus> all = new ArrayList<>();
    for (Stage stage : Stage.inOrder()) {
      all.add(stage == changed.name() ? changed : of(stage));
    }
    return withStages(all);
  }

  public FlowTrainingStatus withStages(List<StageStatus> all) {
    return new FlowTrainingStatus(observedGeneration, phase, stage, progress, conditions, all, training, attempts,
        artifacts, image, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus withPhase(Phase newPhase) {
    return new FlowTrainingStatus(observedGeneration, newPhase, stage, progress, conditions, stages, training,
        attempts, artifacts, image, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus withTraining(TrainingStatus newTraining) {
    return new FlowTrainingStatus(observedGeneration, phase, stage, progress, conditions, stages, newTraining,
        attempts, artifacts, image, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus withConditions(List<Condition> all) {
    return new FlowTrainingStatus(observedGeneration, phase, stage, progress, all, stages, training, attempts,
        artifacts, image, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus withAttempts(List<AttemptStatus> all) {
    return new FlowTrainingStatus(observedGeneration, phase, stage, progress, conditions, stages, training, all,
        artifacts, image, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus withArtifacts(List<Artifact> all) {
    return new FlowTrainingStatus(observedGeneration, phase, stage, progress, conditions, stages, training, attempts,
        all, image, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus withImage(String newImage) {
    return new FlowTrainingStatus(observedGeneration, phase, stage, progress, conditions, stages, training, attempts,
        artifacts, newImage, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus withShown(Stage newStage, String newProgress) {
    return new FlowTrainingStatus(observedGeneration, phase, newStage, newProgress, conditions, stages, training,
        attempts, artifacts, image, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus observed(Long generation) {
    return new FlowTrainingStatus(generation, phase, stage, progress, conditions, stages, training, attempts,
        artifacts, image, startTime, completionTime, run, tensorBoard);
  }

  public FlowTrainingStatus withRun(RunStatus newRun) {
    return new FlowTrainingStatus(observedGeneration, phase, stage, progress, conditions, stages, training, attempts,
        artifacts, image, startTime, completionTime, newRun, tensorBoard);
  }

  /** @param board null where none is asked for */
  public FlowTrainingStatus withTensorBoard(TensorBoardStatus board) {
    return new FlowTrainingStatus(observedGeneration, phase, stage, progress, conditions, stages, training, attempts,
        artifacts, image, startTime, completionTime, run, board);
  }

  /** A run begins. */
  public FlowTrainingStatus begun(String runImage, String time) {
    return new FlowTrainingStatus(observedGeneration, Phase.RUNNING, stage, progress, conditions, stages, training,
        attempts, artifacts, runImage, time, null, run, tensorBoard);
  }

  /** A run that was suspended goes on. */
  public FlowTrainingStatus resumed(String runImage) {
    return begun(runImage, startTime);
  }

  /** Whether a run has begun and not come to its end: at work, suspended, or blocked on its way. */
  public boolean inRun() {
    return startTime != null && completionTime == null;
  }

  /** The run ended. */
  public FlowTrainingStatus ended(Phase newPhase, String time) {
    return new FlowTrainingStatus(observedGeneration, newPhase, stage, progress, conditions, stages, training,
        attempts, artifacts, image, startTime, time, run, tensorBoard);
  }
}
