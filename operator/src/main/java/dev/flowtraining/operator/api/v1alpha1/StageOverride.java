package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.List;
import java.util.Map;

/** What one stage has otherwise than the template. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "!has(self.parallelism) || self.parallelism == 1 || self.stage in ['speaker-embedding', 'speech-tokens', "
        + "'parquet']",
    message = "stageOverrides: parallelism belongs to speaker-embedding, speech-tokens and parquet; training has "
        + "training.gpus, and the other stages run in one pod")
@ValidationRule(
    value = "!has(self.gpus) || self.stage in ['speaker-embedding', 'speech-tokens']",
    message = "stageOverrides: gpus belongs to speaker-embedding and speech-tokens; training has training.gpus, and the "
        + "other stages use none")
public record StageOverride(
    @JsonPropertyDescription("The stage.")
    @Required
    Stage stage,

    @JsonPropertyDescription("How many pods share the stage: speaker-embedding, speech-tokens and parquet, up to 64. Each "
        + "does its shard of the utterances and the result is that of one pod, byte for byte. A shard's pod that is lost "
        + "is replaced alone and goes on where it was, restartPolicy.maxRestarts times; disruptions do not count. Needs "
        + "a ReadWriteMany workspace.")
    @Min(1)
    @Max(64)
    Integer parallelism,

    @JsonPropertyDescription("GPUs (training.gpuResourceName) of each pod of speaker-embedding or speech-tokens; none "
        + "without it.")
    @Min(1)
    @Max(16)
    Integer gpus,

    @JsonPropertyDescription("Variables added to those of the template; a variable of the same name replaces it.")
    @Size(max = 64)
    List<EnvironmentVariable> env,

    @JsonPropertyDescription("Node labels, in place of the template's.")
    @Size(max = 32)
    Map<String, String> nodeSelector,

    @JsonPropertyDescription("Tolerations, in place of the template's.")
    @Size(max = 32)
    List<TolerationSpec> tolerations,

    @JsonPropertyDescription("The scheduler that places the pods, in place of the template's: one that places all pods "
        + "of a training set or none, for example.")
    @Size(min = 1, max = 253)
    String schedulerName,

    @JsonPropertyDescription("Labels of the pods, added to those of the template.")
    @Size(max = 32)
    @ValidationRule(value = PodTemplate.OWN_LABELS, message = PodTemplate.OWN_LABELS_MESSAGE)
    Map<String, String> labels,

    @JsonPropertyDescription("Annotations of the Job and its pods, added to those of the template.")
    @Size(max = 32)
    Map<String, String> annotations,

    @JsonPropertyDescription("CPU and memory, in place of the template's.")
    Resources resources) {

  public StageOverride {
    parallelism = parallelism == null ? 1 : parallelism;
    env = env == null ? List.of() : List.copyOf(env);
    nodeSelector = nodeSelector == null ? Map.of() : Map.copyOf(nodeSelector);
    tolerations = tolerations == null ? List.of() : List.copyOf(tolerations);
    labels = labels == null ? Map.of() : Map.copyOf(labels);
    annotations = annotations == null ? Map.of() : Map.copyOf(annotations);
  }
}
