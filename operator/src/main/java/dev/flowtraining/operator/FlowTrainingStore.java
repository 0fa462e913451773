package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.observe.Kept;
import io.javaoperatorsdk.operator.processing.event.source.informer.TransformingItemStore;

/** The cache of FlowTrainings. The framework makes it by its class. */
public final class FlowTrainingStore extends TransformingItemStore<FlowTraining> {

  public FlowTrainingStore() {
    super(Kept::unmanaged);
  }
}
