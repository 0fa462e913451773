package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** What the image runs, as a process beside the API server of a test. */
final class PackagedOperator implements AutoCloseable {

  private static final Path JAR = Path.of("target/quarkus-app/quarkus-run.jar");
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final Process process;
  private final Path log;
  final URI metrics;

  /** @param scratch a folder for its log and its way to the API server */
  PackagedOperator(Path scratch, String kubeConfig) throws IOException {
    assertThat(JAR).as("made by mvn package").exists();
    int port = freePort();
    metrics = URI.create("http://127.0.0.1:" + port + "/q/metrics");
    log = scratch.resolve("operator.log");
    ProcessBuilder builder = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(),
        "@jvm.options", "-Dquarkus.http.host=127.0.0.1",
        "-Dquarkus.http.port=" + port, "-Dquarkus.kubernetes-client.request-retry-backoff-limit=1",
        "-jar", JAR.toString());
    builder.environment().put("KUBECONFIG",
        Files.writeString(scratch.resolve("kubeconfig"), kubeConfig).toString());
    process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
  }

  /** What it exports now; of FlowTrainings once it is the leader. */
  String scrape() {
    try {
      HttpResponse<String> response =
          HTTP.send(HttpRequest.newBuilder(metrics).build(), HttpResponse.BodyHandlers.ofString());
      return response.statusCode() == 200 ? response.body() : "";
    } catch (IOException e) {
      assertThat(process.isAlive()).as(() -> "the operator has ended: " + log()).isTrue();
      return "";
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Below what the system gives to outgoing connections: one of those could take it in the meantime. */
  static int freePort() throws IOException {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(10_000, 20_000);
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return socket.getLocalPort();
      } catch (BindException e) {
        // another one
      }
    }
  }

  /** Waits until it has ended by itself; its exit code. */
  int awaitEnd() throws InterruptedException {
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).as("it runs on").isTrue();
    return process.exitValue();
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
  }
}
