package dev.flowtraining.trainer.progress;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a small API server in this process. */
class KubernetesConfigMapTest {
  private static final String PATH = "/api/v1/namespaces/speech/configmaps/demo-progress";
  @TempDir Path folder;
  private final List<String> bodies = new CopyOnWriteArrayList<>();
  private final List<HttpExchange> requests = new CopyOnWriteArrayList<>();
  private volatile int status = 200;
  private volatile int failures;
  private volatile CountDownLatch hold = new CountDownLatch(0);
  private HttpServer server;

  private URI serve(HttpServer created) throws IOException {
    server = created;
    server.createContext("/", exchange -> {
      requests.add(exchange);
      bodies.add(new String(exchange.getRequestBody().readAllBytes()));
      try {
        hold.await(5, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      exchange.sendResponseHeaders(bodies.size() <= failures ? 503 : status, -1);
      exchange.close();
    });
    server.start();
    String scheme = server instanceof HttpsServer ? "https" : "http";
    return URI.create(scheme + "://127.0.0.1:" + server.getAddress().getPort() + PATH);
  }

  private URI http() throws IOException {
    return serve(HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0));
  }

  private Path token() throws IOException {
    return Files.writeString(folder.resolve("token"), "secret\n");
  }

  private KubernetesConfigMap map(URI uri, Duration interval) throws IOException {
    return new KubernetesConfigMap(uri, token(), null, pace(interval));
  }

  private static Pace pace(Duration least) {
    return new Pace(least, Duration.ofSeconds(60), System.nanoTime());
  }

  private static JsonNode data(String body) throws IOException {
    return new ObjectMapper().readTree(body).get("data");
  }

  @AfterEach
  void stop() {
    if (server != null) {
      server.stop(0);
    }
  }

  @Test
  void aKeyIsPatchedWithTheTokenOfTheMoment() throws Exception {
    try (KubernetesConfigMap map = map(http(), Duration.ofMillis(1))) {
      map.put("progress.json", "{\"stage\":\"train\"}", false);
    }
    assertThat(bodies).hasSize(1);
    assertThat(data(bodies.getFirst()).get("progress.json").asText()).isEqualTo("{\"stage\":\"train\"}");
    HttpExchange request = requests.getFirst();
    assertThat(request.getRequestMethod()).isEqualTo("PATCH");
    assertThat(request.getRequestURI().getPath()).isEqualTo(PATH);
    assertThat(request.getRequestHeaders().getFirst("Authorization")).isEqualTo("Bearer secret");
    assertThat(request.getRequestHeaders().getFirst("Content-Type")).isEqualTo("application/merge-patch+json");
  }

  @Test
  void updatesThatComeTooFastAreSentAsOneAndTheLastIsNeverLost() throws Exception {
    hold = new CountDownLatch(1);
    try (KubernetesConfigMap map = map(http(), Duration.ofSeconds(60))) {
      map.put("progress.json", "0", false);
      while (bodies.isEmpty()) {
        Thread.sleep(5);
      }
      for (int i = 1; i <= 1000; i++) {
        map.put("progress.json", Integer.toString(i), false);
      }
      map.put("stage-train.json", "{}", false);
      hold.countDown();
    }
    assertThat(bodies).hasSize(2);
    assertThat(data(bodies.get(1)).get("progress.json").asText()).isEqualTo("1000");
    assertThat(data(bodies.get(1)).get("stage-train.json").asText()).isEqualTo("{}");
  }

  @Test
  void requestsKeepTheirDistance() throws Exception {
    try (KubernetesConfigMap map = map(http(), Duration.ofMillis(200))) {
      long end = System.nanoTime() + 1_000_000_000;
      for (int i = 0; System.nanoTime() < end; i++) {
        map.put("progress.json", Integer.toString(i), false);
        Thread.sleep(5);
      }
      assertThat(bodies).hasSizeBetween(2, 6);
    }
  }

  @Test
  void aLongStageReportsSeldomButForWhatIsImportant() throws Exception {
    Pace old = new Pace(Duration.ofMillis(1), Duration.ofSeconds(60), System.nanoTime() - Duration.ofHours(1).toNanos());
    try (KubernetesConfigMap map = new KubernetesConfigMap(http(), token(), null, old)) {
      map.put("progress.json", "step 1", false);
      while (bodies.isEmpty()) {
        Thread.sleep(1);
      }
      map.put("progress.json", "step 2", false);
      Thread.sleep(500);
      assertThat(bodies).hasSize(1);
      map.put("progress.json", "step 3 and a checkpoint", true);
      for (int i = 0; bodies.size() < 2 && i < 5000; i++) {
        Thread.sleep(1);
      }
      assertThat(bodies).hasSize(2);
    }
    assertThat(data(bodies.get(1)).get("progress.json").asText()).isEqualTo("step 3 and a checkpoint");
  }

  @Test
  void aServerThatFailsHurtsNobodyAndWhatItMissedComesWithTheNextUpdate() throws Exception {
    status = 500;
    try (KubernetesConfigMap map = map(http(), Duration.ofMillis(20))) {
      map.put("stage-parquet.json", "{}", false);
      while (bodies.size() < 2) {
        Thread.sleep(5);
      }
      status = 200;
      map.put("progress.json", "1", false);
    }
    assertThat(data(bodies.getLast()).has("progress.json") || data(bodies.get(bodies.size() - 2)).has("progress.json")).isTrue();
    assertThat(bodies.stream().filter(b -> b.contains("stage-parquet")).count()).isGreaterThanOrEqualTo(2);
  }

  @Test
  void theLastUpdateIsTriedAFewTimes() throws Exception {
    failures = 4;
    URI uri = http();
    try (KubernetesConfigMap map = map(uri, Duration.ofMillis(20))) {
      map.put("stage-export.json", "{}", false);
      map.put("artifacts.json", "[]", false);
    }
    assertThat(bodies).hasSizeGreaterThanOrEqualTo(5);
    assertThat(data(bodies.getLast()).get("stage-export.json").asText()).isEqualTo("{}");
    assertThat(data(bodies.getLast()).get("artifacts.json").asText()).isEqualTo("[]");
    int until = bodies.size();

    failures = Integer.MAX_VALUE;
    try (KubernetesConfigMap map = map(uri, Duration.ofMillis(20))) {
      map.put("artifacts.json", "[]", false);
    }
    assertThat(bodies.size() - until).as("tries before it is given up").isBetween(5, 7);
  }

  @Test
  void nobodyListeningEndsInTime() throws Exception {
    long start = System.nanoTime();
    try (KubernetesConfigMap map =
        map(URI.create("http://127.0.0.1:9" + PATH), Duration.ofMillis(20))) {
      map.put("progress.json", "1", false);
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(15));
  }

  @Test
  void onlyTheClustersOwnAuthorityIsTrusted() throws Exception {
    KeyStore ours = certificate("ours");
    KeyStore others = certificate("others");
    SSLContext serving = SSLContext.getInstance("TLS");
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(ours, "changeit".toCharArray());
    serving.init(keys.getKeyManagers(), null, null);
    HttpsServer https = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(serving));
    URI uri = serve(https);
    try (KubernetesConfigMap map = new KubernetesConfigMap(uri, token(),
        KubernetesConfigMap.trusting(pem(others)), pace(Duration.ofMillis(20)))) {
      map.put("progress.json", "1", false);
    }
    assertThat(bodies).isEmpty();
    try (KubernetesConfigMap map = new KubernetesConfigMap(uri, token(),
        KubernetesConfigMap.trusting(pem(ours)), pace(Duration.ofMillis(20)))) {
      map.put("progress.json", "1", false);
    }
    assertThat(bodies).hasSize(1);
  }

  /** A key with a certificate of its own for 127.0.0.1. */
  private KeyStore certificate(String name) throws Exception {
    Path file = folder.resolve(name + ".p12");
    Process keytool = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
        "-genkeypair", "-alias", name, "-keyalg", "EC", "-dname", "CN=" + name, "-ext", "san=ip:127.0.0.1",
        "-keystore", file.toString(), "-storepass", "changeit", "-storetype", "PKCS12").inheritIO().start();
    assertThat(keytool.waitFor()).isZero();
    return KeyStore.getInstance(file.toFile(), "changeit".toCharArray());
  }

  private Path pem(KeyStore store) throws Exception {
    String alias = store.aliases().nextElement();
    String base64 = Base64.getMimeEncoder().encodeToString(store.getCertificate(alias).getEncoded());
    return Files.writeString(folder.resolve(alias + ".crt"),
        "-----BEGIN CERTIFICATE-----\n" + base64 + "\n-----END CERTIFICATE-----\n");
  }
}
