package dev.flowtraining.operator.apply;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.decide.Decision;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.util.Optional;

/** A reconcile that failed and is tried again, as the status tells it. */
public final class Trouble {

  private static final int MAX_MESSAGE = 1024;

  private Trouble() {
  }

  /** Empty for a write that came second: the next reconcile sees what came first. */
  public static Optional<Decision.Wait> of(FlowTraining ft, Exception e) {
    boolean api = e instanceof KubernetesClientException;
    if (api && ((KubernetesClientException) e).getCode() == HttpURLConnection.HTTP_CONFLICT) {
      return Optional.empty();
    }
    String text = "tried again, with growing pauses: " + (e.getMessage() == null ? e.toString() : e.getMessage());
    return Optional.of(new Decision.Wait(ft.getStatus().stage(), api ? "ApiError" : "OperatorError",
        text.length() <= MAX_MESSAGE ? text : text.substring(0, MAX_MESSAGE), Optional.empty()));
  }
}
