package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Kstatus;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.Watch;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * What one FlowTraining goes through, from a watch that sees every version of it: {@code Running train/1}, {@code
 * Restarting train/1 Killed rank 0 [1+0]} (restarts + disruptions of the stage), {@code Suspended train}, {@code
 * Succeeded}. Between two stages nothing is told.
 */
final class Transitions implements AutoCloseable {
  private final KubernetesClient client;
  private final String namespace;
  private final String name;
  private final Consumer<String> log;
  private final List<String> steps = new ArrayList<>();
  private final List<String> lies = new ArrayList<>();
  private Watch watch;
  private boolean closed;

  Transitions(KubernetesClient client, String namespace, String name, Consumer<String> log) {
    this.client = client;
    this.namespace = namespace;
    this.name = name;
    this.log = log;
    open();
  }

  /** Until now. */
  synchronized List<String> steps() {
    return List.copyOf(steps);
  }

  /** Moments at which a tool that knows only kstatus would have taken it for done or failed when it was not. */
  synchronized List<String> lies() {
    return List.copyOf(lies);
  }

  private synchronized void open() {
    if (closed) {
      return;
    }
    watch = client.genericKubernetesResources(ResourceDefinitionContext.fromResourceType(FlowTraining.class))
        .inNamespace(namespace).withName(name).watch(new Watcher<>() {
          @Override
          public void eventReceived(Action action, GenericKubernetesResource resource) {
            see(action, resource);
          }

          @Override
          public void onClose(WatcherException cause) {
            Thread.startVirtualThread(Transitions.this::openAgain);   // history that is gone: from what is there now
          }
        });
  }

  private void openAgain() {
    while (true) {
      try {
        open();
        return;
      } catch (RuntimeException e) {
        KindCluster.pause();
      }
    }
  }

  private synchronized void see(Watcher.Action action, GenericKubernetesResource resource) {
    if (action == Watcher.Action.DELETED) {
      add("Deleted");
      return;
    }
    FlowTraining ft = client.getKubernetesSerialization().convertValue(resource, FlowTraining.class);
    FlowTrainingStatus status = ft.getStatus();
    if (status == null || status.phase() == null) {
      return;
    }
    String step = text(status);
    if (!step.isEmpty()) {
      add(step);
    }
    Kstatus kstatus = Kstatus.of(resource);
    boolean stalled = status.condition("Stalled").filter(c -> c.status().equals("True")).isPresent();
    boolean done = kstatus == Kstatus.CURRENT && status.phase() != Phase.SUCCEEDED;
    boolean failed = kstatus == Kstatus.FAILED && status.phase() != Phase.FAILED && !stalled;
    if (done || failed) {
      lies.add(kstatus + " at " + status.phase() + " " + status.stage());
    }
  }

  private void add(String step) {
    if (steps.isEmpty() || !steps.getLast().equals(step)) {
      steps.add(step);
      log.accept(step);
    }
  }

  private static String text(FlowTrainingStatus status) {
    StageStatus stage = status.of(status.stage());
    LastFailure last = status.training().lastFailure();
    String place = status.stage().id() + "/" + stage.attempt();
    boolean stalled = status.condition("Stalled").filter(c -> c.status().equals("True")).isPresent();
    return switch (status.phase()) {
      case PENDING -> stalled ? "Pending " + status.condition("Stalled").orElseThrow().reason() : "";
      case RUNNING -> stage.phase() == StagePhase.RUNNING ? "Running " + place : "";
      case RESTARTING -> "Restarting " + place + " " + last.reason() + rank(last)
          + " [" + stage.restarts() + "+" + stage.disruptions() + "]";
      case SUSPENDING -> "Suspending " + status.stage().id();
      case SUSPENDED -> "Suspended " + status.stage().id();
      case SUCCEEDED -> "Succeeded";
      case FAILED -> "Failed " + place + " " + last.reason();
    };
  }

  private static String rank(LastFailure last) {
    return last.rank() == null ? "" : " rank " + last.rank();
  }

  void assertHonest() {
    assertThat(lies()).as("what kstatus would have shown wrongly of " + name).isEmpty();
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    watch.close();
  }
}
