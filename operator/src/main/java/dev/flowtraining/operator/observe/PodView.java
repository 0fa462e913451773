package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A stage pod as far as decisions need it.
 *
 * @param index its completion index in the Job
 * @param terminal whether its phase is Succeeded or Failed: nothing runs in it any more
 * @param deletionRequested when somebody asked for its deletion (not when its grace period ends)
 * @param graceEnds when the kubelet must have ended it; empty while nobody wants it deleted, or by force already
 * @param disruption from the condition DisruptionTarget, or an eviction by the kubelet
 * @param unschedulable the scheduler's message
 * @param nodeLostSince since when its node is not ready; empty of a pod whose node was not looked at
 */
public record PodView(String name, Stage stage, StageStep step, int attempt, int index, String node, boolean terminal,
    Optional<Instant> deletionRequested, Optional<Instant> graceEnds, Optional<Disruption> disruption,
    Optional<String> unschedulable, List<ContainerView> containers, Optional<Instant> nodeLostSince) {

  public PodView(String name, Stage stage, StageStep step, int attempt, int index, String node, boolean terminal,
      Optional<Instant> deletionRequested, Optional<Instant> graceEnds, Optional<Disruption> disruption,
      Optional<String> unschedulable, List<ContainerView> containers) {
    this(name, stage, step, attempt, index, node, terminal, deletionRequested, graceEnds, disruption, unschedulable,
        containers, Optional.empty());
  }

  public PodView onNodeLostSince(Instant since) {
    return new PodView(name, stage, step, attempt, index, node, terminal, deletionRequested, graceEnds, disruption,
        unschedulable, containers, Optional.of(since));
  }

  /** Something from outside ends the pod. The reason is Kubernetes' own, for example PreemptionByScheduler. */
  public record Disruption(String reason, String message, Instant at) {
  }

  /** For example {@code pod demo-train-1-0 on node worker-2}. */
  public String where() {
    return "pod " + name + (node == null ? "" : " on node " + node);
  }

  /** Whether none of its containers has ended: who takes it for lost may be wrong. */
  public boolean seemsAlive() {
    return !terminal && working() && containers.stream().allMatch(c -> c.init()
        || c.state() instanceof ContainerView.Running);
  }

  /** Whether every container of the stage itself has started, so that work is going on. */
  public boolean working() {
    List<ContainerView> main = containers.stream().filter(c -> !c.init()).toList();
    return !main.isEmpty() && main.stream().noneMatch(c -> c.state() instanceof ContainerView.Waiting);
  }

  /** When the last of its containers started or, if none runs any more, ended; the epoch if none has started. */
  public Instant workingSince() {
    return containers.stream().filter(c -> !c.init()).map(c -> switch (c.state()) {
      case ContainerView.Running running -> running.since();
      case ContainerView.Terminated ended -> ended.at();
      case ContainerView.Waiting waiting -> Instant.EPOCH;
    }).max(Instant::compareTo).orElse(Instant.EPOCH);
  }
}
