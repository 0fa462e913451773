package dev.flowtraining.operator.observe;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeCondition;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which pods are on nodes that do not answer. A node is looked at only when its pod gives cause: it is on its way out,
 * or not ready though it runs, which the control plane sets when the node is silent. An operator that may not read
 * nodes learns of a lost one when Kubernetes evicts the pod.
 */
final class Nodes {

  private final KubernetesClient client;

  Nodes(KubernetesClient client) {
    this.client = client;
  }

  List<PodView> look(List<Pod> pods) {
    Map<String, Optional<Instant>> known = new HashMap<>();
    return pods.stream().map(pod -> {
      PodView view = Views.pod(pod);
      return suspicious(pod, view)
          ? known.computeIfAbsent(view.node(), this::notReadySince).map(view::onNodeLostSince).orElse(view)
          : view;
    }).toList();
  }

  private static boolean suspicious(Pod pod, PodView view) {
    boolean notReady = pod.getStatus() != null && "Running".equals(pod.getStatus().getPhase())
        && pod.getStatus().getConditions().stream()
        .anyMatch(c -> "Ready".equals(c.getType()) && "False".equals(c.getStatus()));
    return !view.terminal() && view.node() != null && (view.deletionRequested().isPresent() || notReady);
  }

  private Optional<Instant> notReadySince(String name) {
    try {
      Node node = client.nodes().withName(name).get();
      return node == null || node.getStatus() == null ? Optional.empty() : node.getStatus().getConditions().stream()
          .filter(c -> "Ready".equals(c.getType()) && !"True".equals(c.getStatus()))
          .map(NodeCondition::getLastTransitionTime).map(t -> OffsetDateTime.parse(t).toInstant()).findFirst();
    } catch (KubernetesClientException e) {
      if (e.getCode() == HttpURLConnection.HTTP_FORBIDDEN) {
        return Optional.empty();
      }
      throw e;
    }
  }
}
