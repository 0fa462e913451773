package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TransportTest {

  @ParameterizedTest
  @CsvSource({
      "TLSv1.3,                        , TLS_CHACHA20_POLY1305_SHA256",
      "TLSv1.2,                        , TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
      "TLSv1.3, TLS_AES_256_GCM_SHA384 , TLS_AES_256_GCM_SHA384",
  })
  void aServerIsOfferedWhatIsCheapFirstAndMayTakeAnother(String protocol, String only, String agreed) throws Exception {
    Vertx vertx = Vertx.vertx();
    try (SSLServerSocket server = WarmUp.encrypted()) {
      server.setEnabledProtocols(new String[] {protocol});
      if (only != null) {
        server.setEnabledCipherSuites(new String[] {only});
      }
      CompletableFuture<String> suite = CompletableFuture.supplyAsync(() -> handshake(server));
      Config config = new ConfigBuilder(Config.empty()).withMasterUrl("https://127.0.0.1:" + server.getLocalPort())
          .withTrustCerts(true).withRequestRetryBackoffLimit(0).build();
      try (KubernetesClient client = new KubernetesClientBuilder().withConfig(config)
          .withHttpClientFactory(new Transport(vertx)).build()) {
        assertThatThrownBy(client::getKubernetesVersion).isInstanceOf(KubernetesClientException.class);
      }
      assertThat(suite.join()).isEqualTo(agreed);
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    }
  }

  /** And closes the connection. */
  private static String handshake(SSLServerSocket server) {
    try (SSLSocket socket = (SSLSocket) server.accept()) {
      socket.startHandshake();
      return socket.getSession().getCipherSuite();
    } catch (IOException e) {
      return e.toString();
    }
  }
}
