package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.ValidationRule;

/** Exactly one of its parts. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "has(self.persistentVolumeClaim) != has(self.volumeClaimTemplate)",
    message = "workspace.volume needs exactly one of persistentVolumeClaim (a claim that exists) and "
        + "volumeClaimTemplate (a claim that is made for this FlowTraining)")
public record WorkspaceVolume(
    @JsonPropertyDescription("A claim in the namespace of the FlowTraining.")
    ClaimReference persistentVolumeClaim,

    @JsonPropertyDescription("The claim <name>-workspace is made like this.")
    ClaimTemplate volumeClaimTemplate) {
}
