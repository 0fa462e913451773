package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.List;
import java.util.Optional;

/**
 * What a user asks for. Absent parts get the defaults that their records name; the schema's defaults are made of these.
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "has(self.data) || (type(self.stages.from) == int ? self.stages.from >= 4 "
        + ": self.stages.from in ['train', 'average', 'export', '4', '5', '6'])",
    message = "spec.data is needed by the stages 0-3: name the data volume and data.train.path, or start later with "
        + "stages.from: train")
@ValidationRule(
    value = "!has(self.models.volume) ? (self.models.speakerEncoder == 'builtin' && self.models.tokenizer == 'builtin' "
        + "&& self.models.init == 'builtin' && self.models.vocoder == 'builtin') : true",
    message = "spec.models names a file: say in models.volume which volume holds it, or use 'builtin'")
@ValidationRule(
    value = "self.workspace.volume == oldSelf.workspace.volume",
    message = "spec.workspace.volume is immutable: delete the FlowTraining and apply it anew with the other workspace")
public record FlowTrainingSpec(
    @JsonPropertyDescription("Which of the seven stages run, like --stage and --stop_stage of a recipe; all by "
        + "default.")
    StageRange stages,

    @JsonPropertyDescription("The speech to train on: a volume and the paths in it. Needed by the stages 0-3.")
    DataSpec data,

    @JsonPropertyDescription("The volume of the run directory (<namespace>/<name>), where all stages meet. By "
        + "default a claim made from a template.")
    WorkspaceSpec workspace,

    @JsonPropertyDescription("The models that the stages use: speaker encoder, speech tokenizer, initial flow weights, "
        + "vocoder.")
    ModelsSpec models,

    @JsonPropertyDescription("The training configuration: a preset, and on top of it what differs.")
    ConfigSpec config,

    @JsonPropertyDescription("Stage 4: engine, ranks, devices and time limits.")
    TrainingSpec training,

    @JsonPropertyDescription("How often and how fast a failed stage is started again.")
    RestartPolicy restartPolicy,

    @JsonPropertyDescription("Stage 5: which checkpoints are averaged.")
    AveragingSpec averaging,

    @JsonPropertyDescription("What the pods of all stages have in common. A change is used by the Jobs that start "
        + "after it.")
    PodTemplate template,

    @JsonPropertyDescription("What single stages have otherwise than template says.")
    @Size(max = 7)
    List<StageOverride> stageOverrides,

    @JsonPropertyDescription("Stops what runs, training with a checkpoint first, and frees the GPUs; false goes on "
        + "from there. The condition Suspended is True once the last pod is gone: then config, models, stages and GPUs "
        + "may change, and what they concern runs again.")
    Boolean suspend,

    @JsonPropertyDescription("A LocalQueue of Kueue. The Jobs that ask for GPUs queue there, each attempt anew, so "
        + "that quota is held only while a GPU stage runs; a preemption counts as a disruption.")
    @Size(min = 1, max = 63)
    @Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    String queueName,

    @JsonPropertyDescription("A TensorBoard of the run directory, behind the Service <name>-tensorboard (port 6006, "
        + "for kubectl port-forward; it asks nobody for a password), from when the workspace claim is bound until the "
        + "FlowTraining is deleted; {} makes one. With a ReadWriteOnce workspace it is there only while training runs, "
        + "on the same node. It never restarts a stage or keeps it back, and may be added and taken away at any time.")
    TensorBoardSpec tensorBoard,

    @JsonPropertyDescription("When the children of an ended run are deleted.")
    TtlSpec ttlAfterFinished) {

  public FlowTrainingSpec {
    stages = stages == null ? new StageRange(null, null, null, null) : stages;
    workspace = workspace == null ? new WorkspaceSpec(null, null, null) : workspace;
    models = models == null ? new ModelsSpec(null, null, null, null, null) : models;
    config = config == null ? new ConfigSpec(null, null, null) : config;
    training = training == null ? TrainingSpec.defaults() : training;
    restartPolicy = restartPolicy == null ? RestartPolicy.defaults() : restartPolicy;
    averaging = averaging == null ? new AveragingSpec(null, null) : averaging;
    template = template == null ? PodTemplate.empty() : template;
    stageOverrides = stageOverrides == null ? List.of() : List.copyOf(stageOverrides);
    suspend = suspend != null && suspend;
    ttlAfterFinished = ttlAfterFinished == null ? new TtlSpec(null, null, null) : ttlAfterFinished;
  }

  /** How many pods share a stage; training is another matter. */
  public int parallelism(Stage stage) {
    return overrideOf(stage).map(StageOverride::parallelism).orElse(1);
  }

  public Optional<StageOverride> overrideOf(Stage stage) {
    return stageOverrides.stream().filter(o -> o.stage() == stage).findFirst();
  }
}
