package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How the ranks of an attempt find each other, how long they wait, and how often they report. RANK is not here: a
 * template cannot know it. The trainer computes
 * {@code RANK = JOB_COMPLETION_INDEX · LOCAL_WORLD_SIZE + LOCAL_RANK}.
 */
final class Rendezvous {

  static final int PORT = 29500;
  /** The trainer's own times are not said: the API server goes through every variable at each change of a pod. */
  private static final Duration TIMEOUT = Duration.ofMinutes(10);
  private static final Duration REPORTS = Duration.ofMinutes(1);

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
    putUnless(TIMEOUT, env, "FLOWTRAINING_RENDEZVOUS_TIMEOUT", training.rendezvousWithin());
    putUnless(REPORTS, env, "FLOWTRAINING_PROGRESS_INTERVAL", training.reportEvery());
    return env;
  }

  private static void putUnless(Duration otherwise, Map<String, String> env, String name, Duration value) {
    if (!value.equals(otherwise)) {
      env.put(name, Long.toString(value.toSeconds()));
    }
  }

  /** The stable name of pod 0, through the headless Service. */
  static String master(FlowTraining ft, int attempt) {
    return Names.job(ft, Stage.TRAIN, StageStep.WHOLE, attempt) + "-0." + Names.trainService(ft) + "."
        + ft.getMetadata().getNamespace() + ".svc";
  }
}
