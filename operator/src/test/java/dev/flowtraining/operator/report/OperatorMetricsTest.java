package dev.flowtraining.operator.report;

import static dev.flowtraining.operator.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.decide.InputHash;
import dev.flowtraining.operator.observe.Failure;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class OperatorMetricsTest {

  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private final OperatorMetrics metrics = new OperatorMetrics(registry);

  @Test
  void aRunIsMeasuredFromItsCreationToItsEnd() {
    FlowTraining ft = train("one");
    run(ft, new Decision.Begin(Stage.TRAIN, InputHash.of(ft.getSpec(), Optional.empty()), Optional.empty()), NOW);
    run(ft, new Decision.Start(Stage.TRAIN, 1, true, Optional.empty()), NOW.plusSeconds(2));
    assertThat(registry.get("flowtraining.start.latency").timer().totalTime(TimeUnit.SECONDS)).isEqualTo(2);
    run(ft, restart(FailureClass.DISRUPTION), NOW.plusSeconds(10));
    run(ft, new Decision.Start(Stage.TRAIN, 2, true, Optional.empty()), NOW.plusSeconds(20));
    run(ft, new Decision.Complete(Stage.TRAIN), NOW.plusSeconds(62));
    assertThat(registry.get("flowtraining.start.latency").timer().count()).as("once").isEqualTo(1);
    assertThat(registry.get("flowtraining.stage.duration").tags("stage", "train", "outcome", "Succeeded").timer()
        .totalTime(TimeUnit.SECONDS)).isEqualTo(60);
    assertThat(registry.get("flowtraining.failures").tags("stage", "train", "class", "disruption").counter().count())
        .isEqualTo(1);
  }

  @Test
  void thereIsAGaugeForEachPhase() {
    FlowTraining running = train("one");
    running.setStatus(FlowTrainingStatus.empty().withPhase(Phase.RUNNING));
    metrics.watch(() -> List.of(running, train("two"), train("three")));
    assertThat(registry.get("flowtraining.resources").tag("phase", "Running").gauge().value()).isEqualTo(1);
    assertThat(registry.get("flowtraining.resources").tag("phase", "Pending").gauge().value()).isEqualTo(2);
    assertThat(registry.get("flowtraining.resources").gauges()).hasSize(Phase.values().length);
  }

  @Test
  void whatARunWaitsForIsCounted() {
    metrics.watch(() -> List.of(waiting("one", Phase.RUNNING, "Unschedulable"),
        waiting("two", Phase.PENDING, "VolumeClaimNotFound"), waiting("three", Phase.RUNNING, "CreateContainerError"),
        waiting("four", Phase.RUNNING, "Running"), waiting("five", Phase.FAILED, "Unschedulable"), train("six")));
    assertThat(waiting("Unschedulable")).as("a failed one waits for nothing").isEqualTo(1);
    assertThat(waiting("VolumeClaimNotFound")).isEqualTo(1);
    assertThat(waiting("Other")).isEqualTo(1);
    assertThat(waiting("ImagePullFailed")).isZero();
  }

  private static FlowTraining waiting(String name, Phase phase, String reason) {
    FlowTraining ft = train(name);
    ft.setStatus(FlowTrainingStatus.empty().withPhase(phase).withConditions(List.of(
        new Condition(StatusBuilder.READY, "False", reason, null, NOW.toString(), 1L))));
    return ft;
  }

  private double waiting(String reason) {
    return registry.get("flowtraining.waiting").tag("reason", reason).gauge().value();
  }

  @Test
  void aHundredFlowTrainingsHaveNoMoreSeriesThanNone() {
    int series = registry.getMeters().size();
    for (int i = 0; i < 100; i++) {
      FlowTraining ft = train("training-" + i);
      run(ft, new Decision.Begin(Stage.TRAIN, InputHash.of(ft.getSpec(), Optional.empty()), Optional.empty()), NOW);
      run(ft, new Decision.Start(Stage.TRAIN, 1, true, Optional.empty()), NOW.plusSeconds(2));
      run(ft, restart(FailureClass.RETRYABLE), NOW.plusSeconds(10));
      run(ft, new Decision.Start(Stage.TRAIN, 2, true, Optional.empty()), NOW.plusSeconds(11));
      run(ft, i % 2 == 0 ? new Decision.Complete(Stage.TRAIN) : new Decision.Suspend(Stage.TRAIN), NOW.plusSeconds(12));
    }
    assertThat(registry.getMeters()).as("what begins with its first event, Prometheus sees only from the second on")
        .hasSize(series).extracting(Meter::getId).allSatisfy(id ->
            assertThat(id.getTags()).noneMatch(t -> t.getValue().startsWith("training-")));
  }

  private static Decision restart(FailureClass failureClass) {
    return new Decision.Restart(Stage.TRAIN, new Failure(Failure.Cause.EXITED, new LastFailure("train", 1, 0, "n", 1,
        "R", "m", "t"), NOW), failureClass);
  }

  private static FlowTraining train(String name) {
    FlowTraining ft = Samples.training("stages: {from: train, to: train}\ntraining: {gpus: 2, device: cpu}");
    ft.getMetadata().setName(name);
    return ft;
  }

  private void run(FlowTraining ft, Decision decision, Instant now) {
    FlowTrainingStatus before = ft.getStatus();
    ft.setStatus(StatusBuilder.next(ft, Samples.nothing(), decision, "image", now));
    metrics.decided(decision);
    metrics.written(before, ft.getStatus(), NOW);
  }
}
