package dev.flowtraining.trainer.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Patches keys of one ConfigMap with the pod's service account, from a thread of its own: updates that come faster
 * than its {@link Pace} are coalesced. A failure is logged once and never reaches the caller: progress may be lost,
 * training not.
 */
public final class KubernetesConfigMap implements AutoCloseable {
  private static final Path SERVICE_ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  /** What is sent at the end says how the stage ended: it is tried so often. */
  private static final int LAST_TRIES = 5;
  private static final Duration LAST_PAUSE = Duration.ofSeconds(1);
  private static final Logger LOG = LoggerFactory.getLogger(KubernetesConfigMap.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final URI uri;
  private final Path tokenFile;
  private final HttpClient client;
  private final Pace pace;
  private final Thread thread;
  private final Map<String, String> pending = new HashMap<>(); // guarded by itself
  private boolean closed; // guarded by pending
  private boolean soon; // guarded by pending
  private boolean failing;

  /**
   * @param uri of the ConfigMap
   * @param tokenFile read for every request, since the kubelet renews it
   * @param trusted what the API server's certificate is checked with; null for the JVM's own
   */
  KubernetesConfigMap(URI uri, Path tokenFile, SSLContext trusted, Pace pace) {
    this.uri = uri;
    this.tokenFile = tokenFile;
    this.pace = pace;
    HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(TIMEOUT);
    client = (trusted == null ? builder : builder.sslContext(trusted)).build();
    thread = Thread.ofPlatform().daemon().name("progress").start(this::publishAll);
  }

  /**
   * The run's ConfigMap, when the operator named one; empty outside of a cluster.
   *
   * @param writers how many processes patch it at the same time
   */
  public static Optional<KubernetesConfigMap> of(Map<String, String> env, int writers) {
    String name = env.getOrDefault("FLOWTRAINING_PROGRESS_CONFIGMAP", "");
    String host = env.getOrDefault("KUBERNETES_SERVICE_HOST", "");
    if (name.isEmpty()) {
      return Optional.empty();
    }
    try {
      if (host.isEmpty() || !Files.isReadable(SERVICE_ACCOUNT.resolve("token"))) {
        throw new IOException("no API server or no service account token in this container");
      }
      String namespace = env.containsKey("FLOWTRAINING_NAMESPACE") ? env.get("FLOWTRAINING_NAMESPACE")
          : Files.readString(SERVICE_ACCOUNT.resolve("namespace")).strip();
      URI uri = URI.create("https://" + (host.contains(":") ? "[" + host + "]" : host) + ":"
          + env.getOrDefault("KUBERNETES_SERVICE_PORT", "443") + "/api/v1/namespaces/" + namespace + "/configmaps/" + name);
      return Optional.of(new KubernetesConfigMap(uri, SERVICE_ACCOUNT.resolve("token"),
          trusting(SERVICE_ACCOUNT.resolve("ca.crt")), Pace.of(env, writers)));
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      LOG.warn("progress will not be published to ConfigMap {}: {}", name, e.toString());
      return Optional.empty();
    }
  }

  /** A context that trusts the certificates of a PEM file and no others. */
  static SSLContext trusting(Path pem) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream in = Files.newInputStream(pem)) {
      for (Certificate c : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        store.setCertificateEntry("ca" + store.size(), c);
      }
    }
    TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, factory.getTrustManagers(), null);
    return context;
  }

  /**
   * Sets a key; a newer value of the same key replaces one that has not been sent.
   *
   * @param important sent as soon as the pace allows
   */
  public void put(String key, String value, boolean important) {
    synchronized (pending) {
      pending.put(key, value);
      soon |= important;
      pending.notifyAll();
    }
  }

  private void publishAll() {
    try {
      int tries = LAST_TRIES;
      for (Map<String, String> data = take(); !data.isEmpty(); data = take()) {
        patch(data);
        if (failing && isClosed() && --tries == 0) {
          LOG.warn("the last progress was not published: {} tries failed", LAST_TRIES);
          return;
        }
        pause();
      }
    } catch (InterruptedException e) {
      LOG.warn("the last progress was not published: interrupted");
    }
  }

  /** Waits for something to send; empty when there is nothing more and never will be. */
  private Map<String, String> take() throws InterruptedException {
    synchronized (pending) {
      while (pending.isEmpty() && !closed) {
        pending.wait();
      }
      Map<String, String> data = Map.copyOf(pending);
      pending.clear();
      soon = false;
      return data;
    }
  }

  private void patch(Map<String, String> data) throws InterruptedException {
    try {
      HttpResponse<String> response = client.send(request(data), HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() / 100 == 2) {
        failing = false;
      } else {
        failed(data, "HTTP " + response.statusCode() + " " + response.body());
      }
    } catch (IOException | RuntimeException e) {
      failed(data, e.toString());
    }
  }

  private HttpRequest request(Map<String, String> data) throws IOException {
    return HttpRequest.newBuilder(uri)
        .timeout(TIMEOUT)
        .header("Authorization", "Bearer " + Files.readString(tokenFile).strip())
        .header("Content-Type", "application/merge-patch+json")
        .method("PATCH", HttpRequest.BodyPublishers.ofString(body(data)))
        .build();
  }

  private static String body(Map<String, String> data) {
    try {
      return JSON.writeValueAsString(Map.of("data", data));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a map of texts is JSON", e);
    }
  }

  /** Keeps what was not sent, unless something newer waits. */
  private void failed(Map<String, String> data, String why) {
    if (!failing) {
      LOG.warn("progress could not be published to {}: {}; trying again", uri, why);
    }
    failing = true;
    synchronized (pending) {
      data.forEach(pending::putIfAbsent);
    }
  }

  private void pause() throws InterruptedException {
    long sent = System.nanoTime();
    synchronized (pending) {
      for (long left = left(sent); left > 0 && !closed; left = left(sent)) {
        pending.wait(left);
      }
    }
    if (failing && isClosed()) {
      Thread.sleep(pace.least().compareTo(LAST_PAUSE) < 0 ? pace.least() : LAST_PAUSE);
    }
  }

  /** Milliseconds until the next request. */
  private long left(long sent) {
    return (pace.after(sent, soon) - (System.nanoTime() - sent)) / 1_000_000;
  }

  private boolean isClosed() {
    synchronized (pending) {
      return closed;
    }
  }

  /** Sends what waits, a few times if it has to, then ends; takes no longer than two requests may. */
  @Override
  public void close() {
    synchronized (pending) {
      closed = true;
      pending.notifyAll();
    }
    try {
      if (!thread.join(TIMEOUT.multipliedBy(2))) {
        LOG.warn("the last progress was not published in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    client.shutdownNow();
  }
}
