package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;

/**
 * Resources from a cache are shared: they are copied, never changed. Spec and status are immutable and need no copy.
 */
public final class Copies {

  private Copies() {
  }

  public static FlowTraining withStatus(FlowTraining ft, FlowTrainingStatus status) {
    FlowTraining copy = new FlowTraining();
    copy.setMetadata(new ObjectMetaBuilder(ft.getMetadata()).build());
    copy.setSpec(ft.getSpec());
    copy.setStatus(status);
    return copy;
  }
}
