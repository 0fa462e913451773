package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.FailureClass;
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
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The series {@code flowtraining_*}. Their number is fixed: no label names a resource. */
public final class OperatorMetrics {

  private static final String FINAL = "final";
  private static final Set<StagePhase> ENDS = EnumSet.of(StagePhase.SUCCEEDED, StagePhase.FAILED);

  private final MeterRegistry registry;

  /** All begin at zero: of one that begins with its first event, Prometheus does not see that event. */
  public OperatorMetrics(MeterRegistry registry) {
    this.registry = registry;
    for (Stage stage : Stage.inOrder()) {
      Stream.concat(Stream.of(FailureClass.values()).map(OperatorMetrics::label), Stream.of(FINAL))
          .forEach(failureClass -> failures(stage, failureClass));
      ENDS.forEach(end -> stageDuration(stage, end));
    }
    startLatency();
    suspensions();
    dropped(0);
  }

  /** Gauges for each phase and for each thing that is waited for, counted from the cache when they are read. */
  public void watch(Supplier<Collection<FlowTraining>> all) {
    Census census = new Census(all);
    for (Phase phase : Phase.values()) {
      Gauge.builder("flowtraining.resources", census, c -> c.in(phase))
          .description("FlowTrainings by phase").tag("phase", phase.id()).strongReference(true).register(registry);
    }
    Stream.concat(Census.REASONS.stream(), Stream.of(Census.OTHER)).forEach(reason ->
        Gauge.builder("flowtraining.waiting", census, c -> c.waitingFor(reason))
            .description("FlowTrainings that do not get on, by the reason of their condition Ready")
            .tag("reason", reason).strongReference(true).register(registry));
  }

  void decided(Decision decision) {
    switch (decision) {
      case Decision.Restart restart -> failures(restart.stage(), label(restart.failureClass())).increment();
      case Decision.Fail fail -> failures(fail.stage(), FINAL).increment();
      case Decision.Suspend suspend -> suspensions().increment();
      default -> { }
    }
  }

  /** @param applied when the FlowTraining was created */
  void written(FlowTrainingStatus before, FlowTrainingStatus after, Instant applied) {
    if (before.attempts().isEmpty() && !after.attempts().isEmpty()) {
      startLatency().record(Duration.between(applied, Instant.parse(after.attempts().getFirst().startTime())));
    }
    for (Stage stage : Stage.inOrder()) {
      StageStatus now = after.of(stage);
      boolean ended = ENDS.contains(now.phase()) && before.of(stage).phase() != now.phase();
      if (ended && now.startTime() != null && now.completionTime() != null) {
        stageDuration(stage, now.phase())
            .record(Duration.between(Instant.parse(now.startTime()), Instant.parse(now.completionTime())));
      }
    }
  }

  /** Values of progress reports that did not parse or were out of range. */
  public void dropped(int values) {
    Counter.builder("flowtraining.progress.dropped").description("Progress values that were not plausible")
        .register(registry).increment(values);
  }

  private Timer startLatency() {
    return Timer.builder("flowtraining.start.latency")
        .description("From the creation of a FlowTraining to its first Job")
        .serviceLevelObjectives(Duration.ofMillis(500), Duration.ofSeconds(1), Duration.ofSeconds(2),
            Duration.ofSeconds(5), Duration.ofSeconds(15), Duration.ofMinutes(1), Duration.ofMinutes(10))
        .register(registry);
  }

  private Timer stageDuration(Stage stage, StagePhase outcome) {
    return Timer.builder("flowtraining.stage.duration").description("From the first start of a stage to its end")
        .tag("stage", stage.id()).tag("outcome", outcome.id())
        .serviceLevelObjectives(Duration.ofSeconds(10), Duration.ofMinutes(1), Duration.ofMinutes(10),
            Duration.ofHours(1), Duration.ofHours(10), Duration.ofDays(1), Duration.ofDays(10))
        .register(registry);
  }

  private Counter suspensions() {
    return Counter.builder("flowtraining.suspensions").description("Runs that were stopped on request")
        .register(registry);
  }

  private Counter failures(Stage stage, String failureClass) {
    return Counter.builder("flowtraining.failures")
        .description("Failed attempts by stage and class; final ones end the run")
        .tag("stage", stage.id()).tag("class", failureClass).register(registry);
  }

  private static String label(FailureClass failureClass) {
    return failureClass.id().toLowerCase(Locale.ROOT);
  }
}
