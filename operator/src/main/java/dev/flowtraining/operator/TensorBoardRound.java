package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.TensorBoardState;
import dev.flowtraining.operator.api.v1alpha1.TensorBoardStatus;
import dev.flowtraining.operator.apply.Applier;
import dev.flowtraining.operator.apply.Refusal;
import dev.flowtraining.operator.build.TensorBoard;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.decide.TensorBoardPlan;
import dev.flowtraining.operator.decide.TensorBoardPlan.Place;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.TensorBoardObserver;
import dev.flowtraining.operator.observe.TensorBoardView;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a reconcile does about TensorBoard, in the same steps. Whatever becomes of it, the run goes on. */
final class TensorBoardRound {

  private static final Logger LOG = LoggerFactory.getLogger(TensorBoardRound.class);
  private static final Duration AGAIN = Duration.ofSeconds(30);

  private final TensorBoardObserver observer;
  private final Applier applier;
  private final String defaultImage;

  TensorBoardRound(TensorBoardObserver observer, Applier applier, String defaultImage) {
    this.observer = observer;
    this.applier = applier;
    this.defaultImage = defaultImage;
  }

  /**
   * What the status tells of it.
   *
   * @param status null where none is asked for
   * @param again when to look again, if no event comes earlier
   */
  record Outcome(TensorBoardStatus status, Optional<Duration> again) {
  }

  Outcome reconcile(FlowTraining ft, Decision decision, Observation seen, Context<FlowTraining> context) {
    TensorBoardView there = observer.observe(ft, context);
    TensorBoardPlan plan = TensorBoardPlan.of(ft, decision, seen, there);
    boolean failed = false;
    try {
      applier.apply(ft, TensorBoard.children(ft, plan, there, defaultImage), false);
    } catch (KubernetesClientException e) {
      LOG.warn("{}/{}: TensorBoard, tried again: {}", ft.getMetadata().getNamespace(), ft.getMetadata().getName(),
          e.getMessage());
      failed = true;
      plan = plan.place() == Place.NOWHERE ? plan : Refusal.of(e).map(Decision.Blocked::message).map(plan::refused)
          .orElse(plan);
    }
    boolean waits = plan.state().filter(s -> s == TensorBoardState.WAITING).isPresent();
    String message = plan.message();
    return new Outcome(plan.state().map(s -> new TensorBoardStatus(s, message)).orElse(null),
        failed || waits ? Optional.of(AGAIN) : Optional.empty());
  }
}
