package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.apply.Applier;
import dev.flowtraining.operator.apply.Refusal;
import dev.flowtraining.operator.apply.Trouble;
import dev.flowtraining.operator.build.Children;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.decide.ProgressGate;
import dev.flowtraining.operator.decide.StageMachine;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.Observer;
import dev.flowtraining.operator.observe.TensorBoardObserver;
import dev.flowtraining.operator.report.Copies;
import dev.flowtraining.operator.report.OperatorMetrics;
import dev.flowtraining.operator.report.Reporter;
import dev.flowtraining.operator.report.StatusBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.ErrorStatusUpdateControl;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.MaxReconciliationInterval;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import io.javaoperatorsdk.operator.processing.retry.GradualRetry;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** observe → decide → build → apply → report: one step of the run at a time. */
@ControllerConfiguration(name = "flowtraining",
    triggerReconcilerOnAllEvents = true, // deletion too, though not all have a finalizer
    maxReconciliationInterval = @MaxReconciliationInterval(interval = 10, timeUnit = TimeUnit.MINUTES))
@GradualRetry(initialInterval = 500, intervalMultiplier = 2, maxInterval = 30_000, maxAttempts = -1)
@Singleton
public class FlowTrainingReconciler implements Reconciler<FlowTraining> {

  private static final Logger LOG = LoggerFactory.getLogger(FlowTrainingReconciler.class);

  private final Clock clock;
  private final String defaultImage;
  private final Observer observer;
  private final Applier applier;
  private final Reporter reporter;
  private final OperatorMetrics metrics;
  private final TensorBoardRound tensorBoard;
  private final Farewell farewell;

  public FlowTrainingReconciler(KubernetesClient client, OperatorMetrics metrics, Clock clock,
      @ConfigProperty(name = "flowtraining.trainer-image") String defaultImage,
      @ConfigProperty(name = "flowtraining.tensorboard-image") String tensorBoardImage) {
    this.clock = clock;
    this.defaultImage = defaultImage;
    this.observer = new Observer(client);
    this.applier = new Applier(client);
    this.reporter = new Reporter(client, metrics);
    this.metrics = metrics;
    this.tensorBoard = new TensorBoardRound(new TensorBoardObserver(client), applier, tensorBoardImage);
    this.farewell = new Farewell(clock, observer, applier, reporter, tensorBoard, this::image);
  }

  @PreDestroy
  void close() {
    reporter.close();
  }

  @Override
  public List<EventSource<?, FlowTraining>> prepareEventSources(EventSourceContext<FlowTraining> context) {
    metrics.watch(() -> context.getPrimaryCache().list().toList());
    return EventSources.of(context, metrics);
  }

  @Override
  public UpdateControl<FlowTraining> reconcile(FlowTraining resource, Context<FlowTraining> context) {
    if (context.isPrimaryResourceDeleted()) {
      return UpdateControl.noUpdate();
    }
    return resource.isMarkedForDeletion() ? farewell.reconcile(resource, context)
        : goOn(farewell.withFinalizer(resource, context), context);
  }

  private UpdateControl<FlowTraining> goOn(FlowTraining resource, Context<FlowTraining> context) {
    Instant now = clock.instant();
    return step(resource, observer.observe(resource, context, now), context, now);
  }

  private UpdateControl<FlowTraining> step(FlowTraining resource, Observation seen, Context<FlowTraining> context,
      Instant now) {
    FlowTrainingStatus recorded = resource.getStatus();
    FlowTraining ft = Copies.withStatus(resource, ProgressGate.accept(resource.getSpec(), recorded, seen.progress()));
    Decision decision = StageMachine.decide(ft, seen, now);
    decision = apply(ft, decision, Children.of(ft, decision, seen, image(ft)), !seen.progressMapExists());
    if (decision instanceof Decision.Expire expire && expire.deleteSelf()) {
      LOG.info("{}/{}: ttlAfterFinished is over, deleted", ft.getMetadata().getNamespace(), ft.getMetadata().getName());
      return UpdateControl.noUpdate();
    }
    TensorBoardRound.Outcome board = tensorBoard.reconcile(ft, decision, seen, context);
    FlowTrainingStatus next = StatusBuilder.next(ft, seen, decision, image(ft), now).withTensorBoard(board.status());
    FlowTraining written =
        reporter.report(ft, recorded, next, decision, now, context.resourceOperations()::updatePrimaryStatus);
    if (decision instanceof Decision.Begin) {
      return step(written, seen, context, now); // nothing of what was seen has changed by it
    }

    UpdateControl<FlowTraining> done = UpdateControl.noUpdate();
    Schedule.earlier(Schedule.after(decision, seen, now), board.again()).ifPresent(done::rescheduleAfter);
    return done;
  }

  /** What is tried again is told as well: a run that does not get on must not look like one at work. */
  @Override
  public ErrorStatusUpdateControl<FlowTraining> updateErrorStatus(FlowTraining resource, Context<FlowTraining> context,
      Exception e) {
    if (context.isPrimaryResourceDeleted()) {
      return ErrorStatusUpdateControl.noStatusUpdate();
    }
    Trouble.of(resource, e).ifPresent(trouble -> {
      Instant now = clock.instant();
      FlowTrainingStatus next = StatusBuilder.next(resource, Observation.none(), trouble, image(resource), now);
      try {
        reporter.report(resource, resource.getStatus(), next, trouble, now,
            context.resourceOperations()::updatePrimaryStatus);
      } catch (RuntimeException unreachable) {
        LOG.warn("the status of {} does not tell of: {}", resource.getMetadata().getName(), trouble.message());
      }
    });
    return ErrorStatusUpdateControl.defaultErrorProcessing();
  }

  /** What the API server refuses (quota, admission) is told in the status; everything else is tried again. */
  private Decision apply(FlowTraining ft, Decision decision, Children children, boolean fresh) {
    try {
      applier.apply(ft, children, fresh);
      return decision;
    } catch (KubernetesClientException e) {
      return Refusal.of(e).<Decision>map(r -> r).orElseThrow(() -> e);
    }
  }

  /**
   * Pinned when the run begins: an upgrade of the operator changes nothing in a run. One that the spec names is taken
   * anew after a suspension, during which it may have changed.
   */
  private String image(FlowTraining ft) {
    FlowTrainingStatus status = ft.getStatus();
    String own = ft.getSpec().template().image();
    boolean pinned = status.inRun() && status.image() != null;
    boolean stopped = status.phase() == Phase.SUSPENDING || status.phase() == Phase.SUSPENDED;
    if (pinned && (own == null || !stopped)) {
      return status.image();
    }
    return own == null ? defaultImage : own;
  }
}
