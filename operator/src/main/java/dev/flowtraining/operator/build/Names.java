package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The names and labels of every child. A FlowTraining's name has at most 40 characters, so all of these fit into 63.
 */
public final class Names {

  public static final String MANAGER = "flowtraining-operator";
  public static final String MANAGED_BY = "app.kubernetes.io/managed-by";
  public static final String NAME = "flowtraining.dev/name";
  /** The uid of the FlowTraining: tells its children from those of a deleted one of the same name. */
  public static final String RUN_ID = "flowtraining.dev/run-id";
  public static final String STAGE = "flowtraining.dev/stage";
  public static final String ATTEMPT = "flowtraining.dev/attempt";
  /** Of a stage that several pods share: fit, shards or merge. */
  public static final String STEP = "flowtraining.dev/step";
  /** Of a pod, by the Job controller: its number among those of the Job. */
  public static final String INDEX = "batch.kubernetes.io/job-completion-index";
  public static final String COMPONENT = "flowtraining.dev/component";
  public static final String PROGRESS = "progress";
  public static final String TENSORBOARD = "tensorboard";
  /** What an object was made of, as a number: another one means that it is to be applied again. */
  public static final String MADE_OF = "flowtraining.dev/made-of";

  private Names() {
  }

  /**
   * The Job of an attempt: {@code demo-parquet}, {@code demo-parquet-2}, {@code demo-train-1}; of a step of it: {@code
   * demo-tokens-fit}, {@code demo-tokens-shards-2}. Never used twice.
   */
  public static String job(FlowTraining ft, Stage stage, StageStep step, int attempt) {
    String base = ft.getMetadata().getName() + "-"
        + (step == StageStep.WHOLE ? stage.id() : brief(stage) + "-" + id(step));
    return attempt == 1 && !stage.isTraining() ? base : base + "-" + attempt;
  }

  /** The pods of an Indexed Job have its name and their index for a host name, which leaves little room. */
  private static String brief(Stage stage) {
    return switch (stage) {
      case SPEAKER_EMBEDDING -> "speaker";
      case SPEECH_TOKENS -> "tokens";
      default -> stage.id();
    };
  }

  private static String id(StageStep step) {
    return step.id().toLowerCase(Locale.ROOT);
  }

  public static String progress(FlowTraining ft) {
    return ft.getMetadata().getName() + "-progress";
  }

  /** How the names of {@link ConfigSnapshot}s begin. */
  static String config(FlowTraining ft) {
    return ft.getMetadata().getName() + "-config";
  }

  /** The claim made from a template. */
  public static String workspace(FlowTraining ft) {
    return ft.getMetadata().getName() + "-workspace";
  }

  /** The Job that tidies the workspace up when the FlowTraining is deleted. */
  public static String cleanUp(FlowTraining ft) {
    return ft.getMetadata().getName() + "-clean-" + ft.getMetadata().getUid().substring(0, 8);
  }

  /** The headless Service of the training set. */
  public static String trainService(FlowTraining ft) {
    return ft.getMetadata().getName() + "-train";
  }

  /** The Deployment and the Service of TensorBoard. */
  public static String tensorBoard(FlowTraining ft) {
    return ft.getMetadata().getName() + "-tensorboard";
  }

  /** Its pods. They have no label of a stage, so nothing takes them for a part of the run. */
  public static Map<String, String> tensorBoardPods(FlowTraining ft) {
    return new TreeMap<>(Map.of(NAME, ft.getMetadata().getName(), COMPONENT, TENSORBOARD));
  }

  /** The template of the claims of GPUs; another number or class makes another template, since none can be changed. */
  static String gpuClaims(FlowTraining ft) {
    TrainingSpec training = ft.getSpec().training();
    String what = training.gpuDeviceClass() + " " + training.gpusPerPod();
    return ft.getMetadata().getName() + "-gpus-" + HexFormat.of().toHexDigits(what.hashCode());
  }

  /** The step that an object's labels name. */
  public static StageStep step(Map<String, String> labels) {
    String named = labels.get(STEP);
    return Arrays.stream(StageStep.values()).filter(s -> id(s).equals(named)).findFirst().orElse(StageStep.WHOLE);
  }

  public static Map<String, String> labels(FlowTraining ft) {
    Map<String, String> labels = new TreeMap<>();
    labels.put(MANAGED_BY, MANAGER);
    labels.put(NAME, ft.getMetadata().getName());
    labels.put(RUN_ID, ft.getMetadata().getUid());
    return labels;
  }

  public static Map<String, String> labels(FlowTraining ft, Stage stage, StageStep step, int attempt) {
    Map<String, String> labels = labels(ft);
    labels.put(STAGE, stage.id());
    if (step != StageStep.WHOLE) {
      labels.put(STEP, id(step));
    }
    labels.put(ATTEMPT, Integer.toString(attempt));
    return labels;
  }
}
