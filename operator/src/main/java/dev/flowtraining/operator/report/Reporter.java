package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.decide.Decision;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Instant;
import java.util.function.UnaryOperator;

/** The only writer of status: once a reconcile, and events and metrics only after it succeeded. */
public final class Reporter {

  private final KubernetesClient client;
  private final OperatorMetrics metrics;

  public Reporter(KubernetesClient client, OperatorMetrics metrics) {
    this.client = client;
    this.metrics = metrics;
  }

  /**
   * @param ft the resource with the status that the decision was made on; its resource version guards the write,
   *     so that a decision made on a stale cache is never written down
   * @param recorded the status that the API server has
   * @param write writes the status with that guard and remembers the result
   */
  public void report(FlowTraining ft, FlowTrainingStatus recorded, FlowTrainingStatus next, Decision decision,
      Instant now, UnaryOperator<FlowTraining> write) {
    if (next.equals(recorded)) {
      return;
    }
    FlowTraining changed = Copies.withStatus(ft, next);
    write.apply(changed);
    Events.write(client, ft, Story.between(recorded, next), now);
    metrics.decided(decision);
    metrics.written(recorded, next, Instant.parse(ft.getMetadata().getCreationTimestamp()));
  }
}
