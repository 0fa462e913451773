package dev.flowtraining.operator.report;

import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** How many FlowTrainings are in each phase, and how many wait for what; counted once for all gauges of a scrape. */
final class Census {

  /** What a run that does not get on may wait for: the reasons of its condition Ready that have a series. */
  static final List<String> REASONS = List.of("Unschedulable", "ImagePullFailed", "PodCreationFailed", "Queued",
      "VolumeClaimNotFound", "VolumeNotShareable", "ConfigMapNotFound", "ObjectRefused", "ApiError", "OperatorError");
  static final String OTHER = "Other";

  private static final long FRESH_NANOS = 500_000_000;

  private final Supplier<Collection<FlowTraining>> all;
  private final Map<Phase, Integer> byPhase = new EnumMap<>(Phase.class);
  private final Map<String, Integer> byReason = new HashMap<>();
  private Long counted;

  Census(Supplier<Collection<FlowTraining>> all) {
    this.all = all;
  }

  synchronized int in(Phase phase) {
    count();
    return byPhase.getOrDefault(phase, 0);
  }

  synchronized int waitingFor(String reason) {
    count();
    return byReason.getOrDefault(reason, 0);
  }

  private void count() {
    long now = System.nanoTime();
    if (counted != null && now - counted < FRESH_NANOS) {
      return;
    }
    counted = now;
    byPhase.clear();
    byReason.clear();
    for (FlowTraining ft : all.get()) {
      byPhase.merge(phase(ft), 1, Integer::sum);
      waitsFor(ft).ifPresent(reason -> byReason.merge(reason, 1, Integer::sum));
    }
  }

  private static Phase phase(FlowTraining ft) {
    Phase phase = ft.getStatus().phase();
    return phase == null ? Phase.PENDING : phase;
  }

  /** A reason that only repeats the phase says that nothing is in the way. */
  private static Optional<String> waitsFor(FlowTraining ft) {
    Phase phase = phase(ft);
    if (phase != Phase.PENDING && !phase.isInProgress()) {
      return Optional.empty();
    }
    return ft.getStatus().condition(StatusBuilder.READY).map(Condition::reason)
        .filter(reason -> !reason.equals(Phase.PENDING.id()) && !reason.equals(Phase.RUNNING.id())
            && !reason.equals(Phase.RESTARTING.id()))
        .map(reason -> REASONS.contains(reason) ? reason : OTHER);
  }
}
