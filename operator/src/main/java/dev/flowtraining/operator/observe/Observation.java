package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Everything outside the resource itself that a decision may depend on, at one moment.
 *
 * @param former Jobs and pods of a deleted FlowTraining of the same name, which are not gone yet
 * @param claims the claims that the spec names; looked up only when a Job may start
 * @param config the user's configuration; looked up only when a run may begin, or its snapshot was deleted
 * @param warnings by name of Job or pod: the last warning event, looked up only when something does not start
 * @param progressMapExists whether the ConfigMap for progress is there
 */
public record Observation(List<JobView> jobs, List<PodView> pods, List<Former> former, Map<String, ClaimView> claims,
    ConfigSource config, Map<String, Warning> warnings, Progress progress, boolean progressMapExists) {

  /**
   * A Job or pod of a deleted FlowTraining.
   *
   * @param where for example {@code job demo-train-1}
   * @param pod if it is one
   */
  public record Former(String where, Optional<PodView> pod) {
  }

  /** A warning event of Kubernetes, for example FailedMount or FailedCreate. */
  public record Warning(String reason, String message) {
  }

  /** When nothing could be observed. */
  public static Observation none() {
    return new Observation(List.of(), List.of(), List.of(), Map.of(), ConfigSource.none(), Map.of(), Progress.none(),
        false);
  }

  public Optional<JobView> job(Stage stage, StageStep step, int attempt) {
    return jobs.stream().filter(j -> j.stage() == stage && j.step() == step && j.attempt() == attempt).findFirst();
  }

  public List<PodView> pods(Stage stage, StageStep step, int attempt) {
    return pods.stream().filter(p -> p.stage() == stage && p.step() == step && p.attempt() == attempt).toList();
  }
}
