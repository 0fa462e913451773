package dev.flowtraining.operator.apply;

import dev.flowtraining.operator.decide.Decision;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.util.Optional;
import java.util.Set;

/** An answer of the API server that trying again soon will not change. */
public final class Refusal {

  private static final int UNPROCESSABLE = 422;
  private static final Set<Integer> FINAL = Set.of(HttpURLConnection.HTTP_BAD_REQUEST, HttpURLConnection.HTTP_FORBIDDEN,
      HttpURLConnection.HTTP_CONFLICT, UNPROCESSABLE);

  private Refusal() {
  }

  /** Empty for what may pass by itself: time-outs, an API server that is not there. */
  public static Optional<Decision.Blocked> of(KubernetesClientException e) {
    if (!FINAL.contains(e.getCode())) {
      return Optional.empty();
    }
    String message = e.getStatus() == null || e.getStatus().getMessage() == null
        ? e.getMessage() : e.getStatus().getMessage();
    // quota and admission may let it pass later; what is invalid or somebody else's stays so until a user changes it
    boolean stalled = e.getCode() != HttpURLConnection.HTTP_FORBIDDEN;
    return Optional.of(new Decision.Blocked("ObjectRefused", message, stalled));
  }

  /** Nothing can be made in a namespace that goes. */
  public static boolean byDeletedNamespace(KubernetesClientException e) {
    return e.getStatus() != null && e.getStatus().getDetails() != null && e.getStatus().getDetails().getCauses() != null
        && e.getStatus().getDetails().getCauses().stream().anyMatch(c -> "NamespaceTerminating".equals(c.getReason()));
  }
}
