package dev.flowtraining.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.interceptor.Interceptor;
import java.net.HttpURLConnection;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An operator that starts while no API server answers waits for it. One that ended would be started again later and
 * later (CrashLoopBackOff), and be away for minutes after the API server is back.
 */
@Singleton
final class FirstContact {

  private static final Logger LOG = LoggerFactory.getLogger(FirstContact.class);
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final KubernetesClient client;

  FirstContact(KubernetesClient client) {
    this.client = client;
  }

  /** Before the framework starts the informers, which give up. */
  void await(@Observes @Priority(Interceptor.Priority.LIBRARY_BEFORE) StartupEvent event) throws InterruptedException {
    Thread end = new Thread(Thread.currentThread()::interrupt); // Quarkus does not end what is still starting
    Runtime.getRuntime().addShutdownHook(end);
    while (!answers()) {
      Thread.sleep(PAUSE);
    }
    Runtime.getRuntime().removeShutdownHook(end);
  }

  /** Or refuses: what is wrong then the framework tells. */
  private boolean answers() {
    try {
      client.getKubernetesVersion();
      return true;
    } catch (KubernetesClientException e) {
      if (e.getCode() > 0 && e.getCode() < HttpURLConnection.HTTP_INTERNAL_ERROR) {
        return true;
      }
      if (!Thread.currentThread().isInterrupted()) {
        LOG.warn("waiting for the API server {}: {}", client.getMasterUrl(),
            e.getCause() == null ? e.getMessage() : e.getCause().getMessage());
      }
      return false;
    }
  }
}
