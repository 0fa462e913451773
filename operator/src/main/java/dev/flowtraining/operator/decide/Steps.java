package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.ModelsSpec;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import java.util.Optional;

/** A stage that several pods share is fitted where that is needed, then done in shards, then merged. */
final class Steps {

  private Steps() {
  }

  static StageStep first(FlowTrainingSpec spec, Stage stage) {
    if (spec.parallelism(stage) == 1) {
      return StageStep.WHOLE;
    }
    boolean fits = stage == Stage.SPEECH_TOKENS && spec.models().tokenizer().equals(ModelsSpec.BUILTIN);
    return fits ? StageStep.FIT : StageStep.SHARDS;
  }

  /** Empty after the last. */
  static Optional<StageStep> after(StageStep step) {
    return switch (step) {
      case FIT -> Optional.of(StageStep.SHARDS);
      case SHARDS -> Optional.of(StageStep.MERGE);
      case WHOLE, MERGE -> Optional.empty();
    };
  }

  /** The step of the next attempt: the one that failed, unless the spec has come to ask for pods in another way. */
  static StageStep again(FlowTrainingSpec spec, Stage stage, StageStep failed) {
    boolean sameWay = (spec.parallelism(stage) == 1) == (failed == StageStep.WHOLE);
    return sameWay ? failed : first(spec, stage);
  }
}
