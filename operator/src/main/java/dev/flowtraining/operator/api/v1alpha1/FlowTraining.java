package dev.flowtraining.operator.api.v1alpha1;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn.Type;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Version;

/** One training of the flow (token2mel) model of Step-Audio-EditX, from speech to an exported {@code flow.pt}. */
@Group("flowtraining.dev")
@Version("v1alpha1")
@Kind("FlowTraining")
@Plural("flowtrainings")
@ShortNames("ft")
@AdditionalPrinterColumn(name = "Phase", jsonPath = ".status.phase", type = Type.STRING)
@AdditionalPrinterColumn(name = "Stage", jsonPath = ".status.stage", type = Type.STRING)
@AdditionalPrinterColumn(name = "Progress", jsonPath = ".status.progress", type = Type.STRING)
@AdditionalPrinterColumn(name = "Epoch", jsonPath = ".status.training.epoch", type = Type.INTEGER)
@AdditionalPrinterColumn(name = "Loss", jsonPath = ".status.training.loss", type = Type.NUMBER)
@AdditionalPrinterColumn(name = "ETA", jsonPath = ".status.training.estimatedCompletion", type = Type.STRING)
@AdditionalPrinterColumn(name = "Restarts", jsonPath = ".status.training.restarts", type = Type.INTEGER)
@AdditionalPrinterColumn(name = "Age", jsonPath = ".metadata.creationTimestamp", type = Type.DATE)
@AdditionalPrinterColumn(name = "GPUs", jsonPath = ".spec.training.gpus", type = Type.INTEGER, priority = 1)
@AdditionalPrinterColumn(name = "Checkpoint", jsonPath = ".status.training.checkpoint.path", type = Type.STRING,
    priority = 1)
@AdditionalPrinterColumn(name = "Message", jsonPath = ".status.conditions[?(@.type==\"Ready\")].message",
    type = Type.STRING, priority = 1)
@ValidationRule(
    value = "self.metadata.name.size() <= 40",
    message = "metadata.name may have at most 40 characters, so that the name of every child fits: choose a "
        + "shorter name")
@ValidationRule(
    value = "!self.metadata.name.contains('.') && self.metadata.name.matches('^[a-z]')",
    message = "metadata.name becomes the host name of training pods: use a-z, 0-9 and '-', starting with a letter")
@ValidationRule(
    value = FlowTraining.NOT_IN_PROGRESS + "(has(self.spec.data) == has(oldSelf.spec.data) && "
        + "(!has(self.spec.data) || self.spec.data == oldSelf.spec.data))",
    message = "spec.data " + FlowTraining.WAY_OUT)
@ValidationRule(
    value = FlowTraining.NOT_IN_PROGRESS + "self.spec.config == oldSelf.spec.config",
    message = "spec.config " + FlowTraining.WAY_OUT)
@ValidationRule(
    value = FlowTraining.NOT_IN_PROGRESS + "(self.spec.models == oldSelf.spec.models && "
        + "self.spec.averaging == oldSelf.spec.averaging && self.spec.stages == oldSelf.spec.stages)",
    message = "spec.models, spec.averaging and spec.stages " + FlowTraining.WAY_OUT)
@ValidationRule(
    value = FlowTraining.NOT_IN_PROGRESS + "(self.spec.training.gpus == oldSelf.spec.training.gpus && "
        + "self.spec.training.gpusPerPod == oldSelf.spec.training.gpusPerPod && "
        + "self.spec.training.device == oldSelf.spec.training.device && "
        + "self.spec.training.engine == oldSelf.spec.training.engine && "
        + "has(self.spec.training.deepspeedConfig) == has(oldSelf.spec.training.deepspeedConfig) && "
        + "(!has(self.spec.training.deepspeedConfig) || "
        + "self.spec.training.deepspeedConfig == oldSelf.spec.training.deepspeedConfig))",
    message = "engine, deepspeedConfig, device, gpus and gpusPerPod of spec.training " + FlowTraining.WAY_OUT)
@ValidationRule(
    value = FlowTraining.NOT_IN_PROGRESS + "(has(self.spec.template.image) == has(oldSelf.spec.template.image) && "
        + "(!has(self.spec.template.image) || self.spec.template.image == oldSelf.spec.template.image))",
    message = "spec.template.image " + FlowTraining.WAY_OUT)
public class FlowTraining extends CustomResource<FlowTrainingSpec, FlowTrainingStatus> implements Namespaced {

  static final String NOT_IN_PROGRESS = "!has(self.status) || !has(self.status.phase) || "
      + "!(self.status.phase in ['Running', 'Restarting', 'Suspending']) || ";
  static final String WAY_OUT = "cannot change while the run is in progress: set spec.suspend: true, wait for the "
      + "condition Suspended, change it and set spec.suspend: false; or wait until the run has finished";

  /** Kept by the status' writer: never null, so that a first reconcile needs no special case. */
  @Override
  protected FlowTrainingStatus initStatus() {
    return FlowTrainingStatus.empty();
  }

  @Override
  @Required
  public FlowTrainingSpec getSpec() {
    return super.getSpec();
  }
}
