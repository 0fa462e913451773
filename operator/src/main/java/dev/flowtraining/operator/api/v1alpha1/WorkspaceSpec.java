package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.ValidationRule;

/** Where the run directory lies, and what of it is shared. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@ValidationRule(
    value = "self.cache == 'None' || has(self.volume.persistentVolumeClaim)",
    message = "workspace.cache: Shared is for FlowTrainings of one claim: name it in "
        + "workspace.volume.persistentVolumeClaim, or leave cache out")
@ValidationRule(
    value = "self.retain == 'All' || has(self.volume.persistentVolumeClaim) "
        + "|| self.volume.volumeClaimTemplate.retain == 'Retain'",
    message = "workspace.retain says what stays on a claim that stays: with volumeClaimTemplate.retain: Delete all of it "
        + "goes, so leave workspace.retain out")
public record WorkspaceSpec(
    @JsonPropertyDescription("A claim that exists, or the template of one. Several training pods need ReadWriteMany. "
        + "Immutable.")
    WorkspaceVolume volume,

    @JsonPropertyDescription("Shared: FlowTrainings of this namespace and claim with the same data do the stages 0-3 "
        + "once, in the folder .cache beside their run directories; of two at once one waits. Files are shared by hard "
        + "links, so deleting one FlowTraining takes nothing from another. None: each does its own.")
    CachePolicy cache,

    @JsonPropertyDescription("What of the run directory stays when the FlowTraining is deleted: All; Artifacts (the "
        + "folder export); None. What does not stay is removed by a Job before the FlowTraining is gone. One that fails, "
        + "or takes longer than 10 minutes, is told in an event, and the rest stays.")
    RunRetention retain) {

  public WorkspaceSpec {
    cache = cache == null ? CachePolicy.NONE : cache;
    retain = retain == null ? RunRetention.ALL : retain;
    volume = volume == null ? new WorkspaceVolume(null, new ClaimTemplate(null, null, null, null)) : volume;
  }
}
