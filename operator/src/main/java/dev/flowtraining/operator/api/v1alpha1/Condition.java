package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Required;

/** A condition in the usual form. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Condition(
    @JsonPropertyDescription("Ready, Reconciling, Stalled, Suspended, FastTransport, or that of a stage: "
        + "DataPrepared, SpeakerEmbeddingsExtracted, SpeechTokensExtracted, ParquetWritten, Trained, CheckpointsAveraged, Exported.")
    @Required
    String type,

    @JsonPropertyDescription("True, False or Unknown.")
    @Required
    String status,

    @JsonPropertyDescription("Why, in one CamelCase word.")
    @Required
    String reason,

    @JsonPropertyDescription("Why, in a sentence.")
    String message,

    @JsonPropertyDescription("When status last changed.")
    @Required
    String lastTransitionTime,

    @JsonPropertyDescription("The generation of the spec that the condition speaks of.")
    Long observedGeneration) {

  /** Ten thousand FlowTrainings have eleven of them each, which say the same few things. */
  public Condition {
    type = shared(type);
    status = shared(status);
    reason = shared(reason);
    message = shared(message);
    lastTransitionTime = shared(lastTransitionTime);
  }

  private static String shared(String text) {
    return text == null ? null : text.intern();
  }

  public boolean holds() {
    return "True".equals(status);
  }
}
