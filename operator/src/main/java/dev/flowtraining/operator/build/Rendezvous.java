package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How the ranks of an attempt find each other. RANK is not here: a template cannot know it. The trainer computes
 * {@code RANK = JOB_COMPLETION_INDEX · LOCAL_WORLD_SIZE + LOCAL_RANK}.
 */
final class Rendezvous {

  static final int PORT = 29500;

  private Rendezvous() {
  }

  static Map<String, String> environment(FlowTraining ft, int attempt, int localRank) {
    TrainingSpec training = ft.getSpec().training();
    Map<String, String> env = new LinkedHashMap<>();
    env.put("LOCAL_RANK", Integer.toString(localRank));
    env.put("LOCAL_WORLD_SIZE", Integer.toString(training.gpusPerPod()));
    env.put("WORLD_SIZE", Integer.toString(training.gpus()));
    env.put("MASTER_ADDR", master(ft, attempt));
    env.put("MASTER_PORT", Integer.toString(PORT));
    env.put("FLOWTRAINING_RENDEZVOUS_TIMEOUT", Long.toString(training.rendezvousWithin().toSeconds()));
    return env;
  }

  /** The stable name of pod 0, through the headless Service. */
  static String master(FlowTraining ft, int attempt) {
    return Names.job(ft, Stage.TRAIN, StageStep.WHOLE, attempt) + "-0." + Names.trainService(ft) + "."
        + ft.getMetadata().getNamespace() + ".svc";
  }
}
