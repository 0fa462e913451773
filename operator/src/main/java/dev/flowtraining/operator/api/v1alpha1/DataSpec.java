package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.ValidationRule;

/** Speech in Kaldi form (wav.scp, text, optional utt2spk) or a folder of audio with sidecar text files. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "!(has(self.dev) && has(self.devFraction))",
    message = "data.dev and data.devFraction exclude each other: keep data.dev for a validation set of your own, or "
        + "data.devFraction to split one off")
@ValidationRule(
    value = "self.volume == oldSelf.volume",
    message = "spec.data.volume is immutable: delete the FlowTraining and apply it anew with the other volume")
public record DataSpec(
    @JsonPropertyDescription("The training set.")
    @Required
    DataPath train,

    @JsonPropertyDescription("The validation set. Without it devFraction of the training set is split off.")
    DataPath dev,

    @JsonPropertyDescription("Which part of the training set is split off for validation, 0.001 to 0.5. The trainer's "
        + "default is 0.02.")
    @Min(0.001)
    @Max(0.5)
    Double devFraction,

    @JsonPropertyDescription("The volume that holds the speech; mounted read-only. Immutable.")
    @Required
    VolumeSource volume,

    @JsonPropertyDescription("For a wav.scp that was written elsewhere: how its paths begin there and here.")
    PathPrefix pathPrefix) {
}
