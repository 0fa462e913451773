package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.build.CleanUpJob;

/** Finished FlowTrainings stay for months, and an operator that starts has better to do than to look at each. */
public final class Rest {

  private Rest() {
  }

  /** Whether nothing is left to do about it until somebody changes or deletes it. */
  public static boolean of(FlowTraining ft) {
    FlowTrainingStatus status = ft.getStatus();
    return status.phase() == Phase.SUCCEEDED
        && ft.getMetadata().getGeneration().equals(status.observedGeneration())
        && !ft.isMarkedForDeletion()
        && Ending.expiry(ft).isEmpty()
        && ft.getSpec().tensorBoard() == null && status.tensorBoard() == null
        && CleanUpJob.wanted(ft) == ft.hasFinalizer(CleanUpJob.FINALIZER);
  }
}
