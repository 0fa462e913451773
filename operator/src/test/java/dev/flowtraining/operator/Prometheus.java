package dev.flowtraining.operator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A Prometheus that scrapes one target every second. */
final class Prometheus implements AutoCloseable {

  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final KubernetesSerialization JSON = new KubernetesSerialization();

  private final Process process;
  private final Path log;
  private final URI api;

  /** @param job what stands in the label {@code job}; with a ServiceMonitor it is the name of the Service */
  Prometheus(Path scratch, String job, URI target) throws IOException {
    int port = PackagedOperator.freePort();
    api = URI.create("http://127.0.0.1:" + port + "/api/v1/query");
    log = scratch.resolve("prometheus.log");
    Path config = Files.writeString(scratch.resolve("prometheus.yaml"), """
        global: {scrape_interval: 1s}
        scrape_configs:
          - job_name: %s
            metrics_path: %s
            static_configs: [{targets: ["%s"]}]
        """.formatted(job, target.getPath(), target.getAuthority()));
    process = new ProcessBuilder(ClientBinary.of("prometheus").toString(), "--config.file=" + config,
        "--web.listen-address=127.0.0.1:" + port, "--storage.tsdb.path=" + scratch.resolve("series"))
        .redirectErrorStream(true).redirectOutput(log.toFile()).start();
  }

  /** The values of an instant query; empty where there are none, or Prometheus does not answer yet. */
  @SuppressWarnings("unchecked")
  List<Double> query(String expression) {
    try {
      HttpResponse<String> response = HTTP.send(HttpRequest.newBuilder(
          URI.create(api + "?query=" + URLEncoder.encode(expression, UTF_8))).build(),
          HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() == 503) {
        return List.of();   // it is starting
      }
      assertThat(response.statusCode()).as(() -> expression + ": " + response.body()).isEqualTo(200);
      Map<String, Object> data = (Map<String, Object>) JSON.unmarshal(response.body(), Map.class).get("data");
      return ((List<Map<String, List<Object>>>) data.get("result")).stream()
          .map(sample -> Double.valueOf((String) sample.get("value").getLast())).toList();
    } catch (IOException e) {
      assertThat(process.isAlive()).as(() -> "Prometheus has ended: " + read(log)).isTrue();
      return List.of();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
  }
}
