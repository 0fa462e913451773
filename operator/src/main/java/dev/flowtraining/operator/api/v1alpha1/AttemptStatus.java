package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;

/** One attempt of a stage, from its start to its end. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record AttemptStatus(
    @JsonPropertyDescription("The stage.")
    @Required
    Stage stage,

    @JsonPropertyDescription("Which attempt of the stage, from 1; also in the names, labels and logs of its pods.")
    @Required
    Integer attempt,

    @JsonPropertyDescription("Running, Succeeded, Failed, Disrupted or Suspended.")
    AttemptOutcome outcome,

    @JsonPropertyDescription("When it started.")
    String startTime,

    @JsonPropertyDescription("When it ended.")
    String completionTime,

    @JsonPropertyDescription("In training: how many ranks it had.")
    Integer ranks,

    @JsonPropertyDescription("In training: the checkpoint that it went on from.")
    String resumedFrom,

    @JsonPropertyDescription("Why it ended, in one word, when it did not succeed.")
    String reason,

    @JsonPropertyDescription("Why it ended, in a sentence.")
    String message) {

  public AttemptStatus ended(AttemptOutcome how, String time, String why, String sentence) {
    return new AttemptStatus(stage, attempt, how, startTime, time, ranks, resumedFrom, why, sentence);
  }
}
