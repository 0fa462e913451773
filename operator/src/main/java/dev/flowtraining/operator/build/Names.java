package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
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
  public static final String COMPONENT = "flowtraining.dev/component";
  public static final String PROGRESS = "progress";

  private Names() {
  }

  /** The Job of an attempt: {@code demo-parquet}, {@code demo-parquet-2}, {@code demo-train-1}. Never used twice. */
  public static String job(FlowTraining ft, Stage stage, int attempt) {
    String base = ft.getMetadata().getName() + "-" + stage.id();
    return attempt == 1 && !stage.isTraining() ? base : base + "-" + attempt;
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

  /** The headless Service of the training set. */
  public static String trainService(FlowTraining ft) {
    return ft.getMetadata().getName() + "-train";
  }

  public static Map<String, String> labels(FlowTraining ft) {
    Map<String, String> labels = new TreeMap<>();
    labels.put(MANAGED_BY, MANAGER);
    labels.put(NAME, ft.getMetadata().getName());
    labels.put(RUN_ID, ft.getMetadata().getUid());
    return labels;
  }

  public static Map<String, String> labels(FlowTraining ft, Stage stage, int attempt) {
    Map<String, String> labels = labels(ft);
    labels.put(STAGE, stage.id());
    labels.put(ATTEMPT, Integer.toString(attempt));
    return labels;
  }
}
