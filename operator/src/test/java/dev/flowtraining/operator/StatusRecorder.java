package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.Watch;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;

/** Every version of every FlowTraining, from its creation on, as a tool that watches it sees it. */
final class StatusRecorder {

  private final List<Moment> moments = new CopyOnWriteArrayList<>();
  private final Watch watch;

  /**
   * One version.
   *
   * @param blocked whether it waits for something that only a user can do
   * @param observed whether the operator has seen the spec
   */
  record Moment(String version, String phase, Kstatus kstatus, boolean blocked, boolean observed) {
  }

  StatusRecorder(KubernetesClient client) {
    watch = client.genericKubernetesResources(ResourceDefinitionContext.fromResourceType(FlowTraining.class))
        .inNamespace(PlayedCluster.NAMESPACE).watch(new Watcher<>() {
          @Override
          public void eventReceived(Action action, GenericKubernetesResource resource) {
            if (action != Action.DELETED) {
              moments.add(moment(resource));
            }
          }

          @Override
          public void onClose(WatcherException cause) {
          }
        });
  }

  List<Moment> stop() {
    watch.close();
    return List.copyOf(moments);
  }

  private static Moment moment(GenericKubernetesResource resource) {
    String phase = Objects.requireNonNullElse(resource.get("status", "phase"), "");
    List<Map<String, String>> conditions = resource.get("status", "conditions");
    boolean stalled = conditions != null && conditions.stream()
        .anyMatch(c -> "Stalled".equals(c.get("type")) && "True".equals(c.get("status")));
    Number observed = resource.get("status", "observedGeneration");
    return new Moment(resource.getMetadata().getResourceVersion(), phase, Kstatus.of(resource),
        stalled && !phase.equals("Failed"),
        observed != null && resource.getMetadata().getGeneration() == observed.longValue());
  }
}
