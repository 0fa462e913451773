package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.decide.Decision;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Locale;
import java.util.function.Supplier;

/** The series {@code flowtraining_*}. Their number is fixed: no label names a resource. */
public final class OperatorMetrics {

  private final MeterRegistry registry;

  public OperatorMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  /** One gauge for each phase, counted from the cache whenever they are read. */
  public void watch(Supplier<Collection<FlowTraining>> all) {
    for (Phase phase : Phase.values()) {
      Gauge.builder("flowtraining.resources", all, seen -> seen.get().stream()
              .filter(ft -> (ft.getStatus().phase() == null ? Phase.PENDING : ft.getStatus().phase()) == phase).count())
          .description("FlowTrainings by phase").tag("phase", phase.id()).strongReference(true).register(registry);
    }
  }

  void decided(Decision decision) {
    switch (decision) {
      case Decision.Restart restart -> failure(restart.stage(), restart.failureClass().id().toLowerCase(Locale.ROOT));
      case Decision.Fail fail -> failure(fail.stage(), "final");
      case Decision.Suspend suspend -> Counter.builder("flowtraining.suspensions")
          .description("Runs that were stopped on request").register(registry).increment();
      default -> { }
    }
  }

  /** @param applied when the FlowTraining was created */
  void written(FlowTrainingStatus before, FlowTrainingStatus after, Instant applied) {
    if (before.attempts().isEmpty() && !after.attempts().isEmpty()) {
      Timer.builder("flowtraining.start.latency").description("From the creation of a FlowTraining to its first Job")
          .serviceLevelObjectives(Duration.ofMillis(500), Duration.ofSeconds(1), Duration.ofSeconds(2),
              Duration.ofSeconds(5), Duration.ofSeconds(15), Duration.ofMinutes(1), Duration.ofMinutes(10))
          .register(registry)
          .record(Duration.between(applied, Instant.parse(after.attempts().getFirst().startTime())));
    }
    for (Stage stage : Stage.inOrder()) {
      StageStatus now = after.of(stage);
      boolean ended = now.phase() == StagePhase.SUCCEEDED || now.phase() == StagePhase.FAILED;
      if (ended && before.of(stage).phase() != now.phase() && now.startTime() != null && now.completionTime() != null) {
        Timer.builder("flowtraining.stage.duration").description("From the first start of a stage to its end")
            .tag("stage", stage.id()).tag("outcome", now.phase().id())
            .serviceLevelObjectives(Duration.ofSeconds(10), Duration.ofMinutes(1), Duration.ofMinutes(10),
                Duration.ofHours(1), Duration.ofHours(10), Duration.ofDays(1), Duration.ofDays(10))
            .register(registry)
            .record(Duration.between(Instant.parse(now.startTime()), Instant.parse(now.completionTime())));
      }
    }
  }

  /** Values of progress reports that did not parse or were out of range. */
  public void dropped(int values) {
    Counter.builder("flowtraining.progress.dropped").description("Progress values that were not plausible")
        .register(registry).increment(values);
  }

  private void failure(Stage stage, String failureClass) {
    Counter.builder("flowtraining.failures").description("Failed attempts by stage and class; final ones end the run")
        .tag("stage", stage.id()).tag("class", failureClass).register(registry).increment();
  }
}
