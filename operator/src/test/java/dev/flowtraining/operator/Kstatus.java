package dev.flowtraining.operator;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The rules by which kstatus (sigs.k8s.io/cli-utils, used by Flux and kpt) judges a resource of a kind that it does not
 * know: deletion, observed generation, Reconciling and Stalled in the order of the conditions. Newer versions also look
 * at Ready; that they may be older is the stricter case.
 */
public enum Kstatus {
  IN_PROGRESS, FAILED, CURRENT, TERMINATING;

  public static Kstatus of(GenericKubernetesResource resource) {
    if (resource.getMetadata().getDeletionTimestamp() != null) {
      return TERMINATING;
    }
    Object observed = resource.get("status", "observedGeneration");
    if (observed instanceof Number n && !Objects.equals(n.longValue(), resource.getMetadata().getGeneration())) {
      return IN_PROGRESS;
    }
    List<Map<String, String>> conditions = resource.get("status", "conditions");
    for (Map<String, String> condition : conditions == null ? List.<Map<String, String>>of() : conditions) {
      if ("Reconciling".equals(condition.get("type")) && "True".equals(condition.get("status"))) {
        return IN_PROGRESS;
      }
      if ("Stalled".equals(condition.get("type")) && "True".equals(condition.get("status"))) {
        return FAILED;
      }
    }
    return CURRENT;
  }
}
