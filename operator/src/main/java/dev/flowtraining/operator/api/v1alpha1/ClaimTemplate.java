package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Size;

/** The claim that the operator makes for the workspace. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ClaimTemplate(
    @JsonPropertyDescription("The storage class; the cluster's default class without it.")
    @Size(min = 1, max = 253)
    String storageClassName,

    @JsonPropertyDescription("ReadWriteMany (several training pods need it) or ReadWriteOnce (all ranks in one pod).")
    AccessMode accessMode,

    @JsonPropertyDescription("The size of the volume, for example 200Gi.")
    @Size(min = 1, max = 20)
    @Pattern("^[1-9][0-9]*(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$")
    String storage,

    @JsonPropertyDescription("What becomes of the claim when the FlowTraining is deleted: Retain keeps it (a "
        + "FlowTraining of the same name takes it up again), Delete deletes it with all checkpoints.")
    RetainPolicy retain) {

  public ClaimTemplate {
    accessMode = accessMode == null ? AccessMode.READ_WRITE_MANY : accessMode;
    storage = storage == null ? "200Gi" : storage;
    retain = retain == null ? RetainPolicy.RETAIN : retain;
  }
}
