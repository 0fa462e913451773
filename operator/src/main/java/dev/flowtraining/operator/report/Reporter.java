package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.build.Mounts;
import dev.flowtraining.operator.decide.Decision;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Instant;
import java.util.List;
import java.util.function.UnaryOperator;

/** The only writer of status: once a reconcile, and events and metrics only after it succeeded. */
public final class Reporter implements AutoCloseable {

  private final Events events;
  private final OperatorMetrics metrics;

  public Reporter(KubernetesClient client, OperatorMetrics metrics) {
    this.events = new Events(client);
    this.metrics = metrics;
  }

  /** The last word on a FlowTraining that goes: there is no status any more to tell it. */
  public void gone(FlowTraining ft, Decision.Release release, Instant now) {
    String where = "run directory " + ft.getMetadata().getNamespace() + "/" + ft.getMetadata().getName() + " on claim "
        + Mounts.workspaceClaim(ft);
    events.write(ft, List.of(release.problem().isEmpty()
        ? new Story.Line(Reason.CLEANED, false, where + ": what was not to stay is removed (workspace.retain: "
            + ft.getSpec().workspace().retain().id() + ")")
        : new Story.Line(Reason.CLEANUP_FAILED, true, where + " is not removed, or not all of it; remove it by hand: "
            + release.problem())), now);
  }

  /**
   * @param ft the resource with the status that the decision was made on; its resource version guards the write,
   *     so that a decision made on a stale cache is never written down
   * @param recorded the status that the API server has
   * @param write writes the status with that guard and remembers the result
   * @return what was written, or {@code ft} where nothing is new
   */
  public FlowTraining report(FlowTraining ft, FlowTrainingStatus recorded, FlowTrainingStatus next, Decision decision,
      Instant now, UnaryOperator<FlowTraining> write) {
    if (next.equals(recorded)) {
      return ft;
    }
    FlowTraining written = write.apply(Copies.withStatus(ft, next));
    events.write(ft, Story.between(recorded, next), now);
    metrics.decided(decision);
    metrics.written(recorded, next, Instant.parse(ft.getMetadata().getCreationTimestamp()));
    return written;
  }

  @Override
  public void close() {
    events.close();
  }
}
