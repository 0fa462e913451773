package dev.flowtraining.operator;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;

/**
 * {@code WarmUp COMMAND…} starts the operator by that command against an API server that is played here, and ends it
 * when the training Job of the one FlowTraining there is created: so that the JVM, asked for an AOT cache, keeps what a
 * start loads and links. The image's build runs it; nothing else does.
 */
final class WarmUp {

  private static final char[] PASSWORD = "warm-up".toCharArray();
  private static final int LONGEST_SECONDS = 90;
  private static final int SETTLE_MILLIS = 2000;
  private static final int BACKLOG = 50;

  /** Of RFC 6455: what a server proves with that it read the handshake. */
  private static final String WEB_SOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

  private static final String RECORD = "\"metadata\":{\"uid\":\"0\",\"resourceVersion\":\"2\",\"generation\":1,"
      + "\"creationTimestamp\":\"" + Instant.EPOCH + "\",";
  private static final String FLOW_TRAINING = "{\"apiVersion\":\"flowtraining.dev/v1alpha1\",\"kind\":\"FlowTraining\","
      + RECORD + "\"name\":\"warm-up\",\"namespace\":\"default\"},\"spec\":{\"stages\":{\"from\":\"train\",\"to\":\"train\"},"
      + "\"data\":{\"train\":{\"path\":\"train\"},\"volume\":{\"persistentVolumeClaim\":{\"claimName\":\"speech\"}}},"
      + "\"workspace\":{\"volume\":{\"persistentVolumeClaim\":{\"claimName\":\"speech\"}}},\"training\":{\"gpus\":1}}}";
  private static final String CLAIM = "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\"," + RECORD
      + "\"name\":\"speech\",\"namespace\":\"default\"},\"spec\":{\"accessModes\":[\"ReadWriteMany\"]},"
      + "\"status\":{\"phase\":\"Bound\"}}";

  /** Before it stands for election it asks what it may do. */
  private static final String MAY_DO_ALL = "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SelfSubjectRulesReview\","
      + "\"status\":{\"resourceRules\":[{\"apiGroups\":[\"*\"],\"resources\":[\"*\"],\"verbs\":[\"*\"]}]}}";

  private final CompletableFuture<Boolean> jobCreated = new CompletableFuture<>();
  private volatile OutputStream flowTrainings;

  private WarmUp() {
  }

  public static void main(String[] command) throws IOException, GeneralSecurityException, InterruptedException {
    WarmUp warmUp = new WarmUp();
    try (ServerSocket server = encrypted()) {
      Thread.ofPlatform().daemon().start(() -> warmUp.accept(server));
      ProcessBuilder operator = new ProcessBuilder(command).inheritIO();
      operator.environment().putAll(Map.of("KUBERNETES_MASTER", "https://127.0.0.1:" + server.getLocalPort(),
          "KUBERNETES_TRUST_CERTIFICATES", "true", "KUBECONFIG", "/dev/null"));
      Process process = operator.start();
      process.onExit().thenRun(() -> warmUp.jobCreated.complete(false));
      boolean created = warmUp.jobCreated.completeOnTimeout(false, LONGEST_SECONDS, TimeUnit.SECONDS).join();
      Thread.sleep(SETTLE_MILLIS);
      process.destroy();
      process.waitFor();
      System.exit(created ? 0 : 1);
    }
  }

  /** With a key that keytool makes for this once, and a cipher of the client's choice, as API servers do it. */
  static SSLServerSocket encrypted() throws IOException, GeneralSecurityException, InterruptedException {
    Path file = Files.createTempDirectory("warm-up").resolve("key.p12");
    new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(), "-genkeypair", "-keyalg",
        "EC", "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-alias", "warm-up", "-keystore", file.toString(),
        "-storepass", new String(PASSWORD)).inheritIO().start().waitFor();
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(KeyStore.getInstance(file.toFile(), PASSWORD), PASSWORD);
    Files.delete(file);
    Files.delete(file.getParent());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, BACKLOG,
        InetAddress.getLoopbackAddress());
    SSLParameters parameters = server.getSSLParameters();
    parameters.setUseCipherSuitesOrder(false);
    server.setSSLParameters(parameters);
    return server;
  }

  private void accept(ServerSocket server) {
    while (true) {
      try {
        Socket socket = server.accept();
        Thread.ofPlatform().daemon().start(() -> serve(socket));
      } catch (IOException e) {
        return; // closed: the operator has ended
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      InputStream in = socket.getInputStream();
      OutputStream out = socket.getOutputStream();
      for (String first = line(in); !first.isEmpty(); first = line(in)) {
        Map<String, String> headers = new HashMap<>();
        for (String header = line(in); !header.isEmpty(); header = line(in)) {
          headers.put(header.substring(0, header.indexOf(':')).toLowerCase(Locale.ROOT),
              header.substring(header.indexOf(':') + 1).strip());
        }
        String method = first.split(" ")[0];
        URI target = URI.create(first.split(" ")[1]);
        String body = new String(in.readNBytes(Integer.parseInt(headers.getOrDefault("content-length", "0"))),
            StandardCharsets.UTF_8);
        if (headers.containsKey("sec-websocket-key")) {
          watch(target.getPath(), headers.get("sec-websocket-key"), out);
          in.read(); // until the operator closes it
          return;
        }
        answer(method, target.getPath(), body, out);
      }
    } catch (IOException | GeneralSecurityException e) {
      // the operator has closed the connection
    }
  }

  private void watch(String path, String key, OutputStream out) throws IOException, GeneralSecurityException {
    String proof = Base64.getEncoder().encodeToString(
        MessageDigest.getInstance("SHA-1").digest((key + WEB_SOCKET).getBytes(StandardCharsets.US_ASCII)));
    write(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + proof + "\r\n\r\n");
    if (path.endsWith("/flowtrainings")) {
      flowTrainings = out;
    }
  }

  private void answer(String method, String path, String body, OutputStream out) throws IOException {
    String name = path.substring(path.lastIndexOf('/') + 1);
    boolean list = List.of("flowtrainings", "jobs", "pods", "configmaps", "deployments", "services").contains(name);
    if (name.equals("selfsubjectrulesreviews")) {
      respond(out, "201 Created", MAY_DO_ALL);
    } else if (!method.equals("GET")) {
      String written = body.replaceFirst("\"metadata\":\\{", RECORD);
      respond(out, method.equals("POST") ? "201 Created" : "200 OK", written);
      tell(path, written);
    } else if (list) {
      respond(out, "200 OK", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["
          + (name.equals("flowtrainings") ? FLOW_TRAINING : "") + "]}");
    } else if (path.contains("/persistentvolumeclaims/")) {
      respond(out, "200 OK", CLAIM);
    } else {
      respond(out, "404 Not Found", "{\"apiVersion\":\"v1\",\"kind\":\"Status\",\"status\":\"Failure\","
          + "\"reason\":\"NotFound\",\"code\":404}");
    }
    if (method.equals("POST") && name.equals("jobs")) {
      jobCreated.complete(true);
    }
  }

  /** What a status became arrives as an event: the next step is decided on it. */
  private void tell(String path, String flowTraining) throws IOException {
    if (path.contains("/flowtrainings/") && flowTrainings != null) {
      byte[] event = ("{\"type\":\"MODIFIED\",\"object\":" + flowTraining + "}").getBytes(StandardCharsets.UTF_8);
      ByteArrayOutputStream frame = new ByteArrayOutputStream();
      frame.write(0x81); // one whole text, its length in two bytes
      frame.write(126);
      frame.write(event.length >> 8);
      frame.write(event.length);
      frame.writeBytes(event);
      flowTrainings.write(frame.toByteArray());
      flowTrainings.flush();
    }
  }

  private static void respond(OutputStream out, String status, String json) throws IOException {
    write(out, "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: "
        + json.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + json);
  }

  private static void write(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  /** Without its end; empty at the end of the stream. */
  private static String line(InputStream in) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
      text.append((char) c);
    }
    return text.toString().strip();
  }
}
