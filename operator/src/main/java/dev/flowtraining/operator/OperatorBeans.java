package dev.flowtraining.operator;

import dev.flowtraining.operator.report.OperatorMetrics;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.javaoperatorsdk.operator.Operator;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfiguration;
import io.javaoperatorsdk.operator.api.monitoring.Metrics;
import io.javaoperatorsdk.operator.monitoring.micrometer.MicrometerMetricsV2;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkiverse.operatorsdk.runtime.QuarkusConfigurationService;
import io.vertx.core.Vertx;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Clock;

/** What the reconciler and the framework are given. */
@Singleton
public class OperatorBeans {

  @Produces
  @Singleton
  Clock clock() {
    return Clock.systemUTC();
  }

  @Produces
  @Singleton
  OperatorMetrics flowTrainingMetrics(MeterRegistry registry) {
    return new OperatorMetrics(registry);
  }

  /** Reconciles by controller; the framework's default would have series for each resource. */
  @Produces
  @Singleton
  Metrics frameworkMetrics(MeterRegistry registry) {
    return MicrometerMetricsV2.newBuilder(registry).build();
  }

  @Produces
  @Singleton
  LeaderElectionConfiguration leaderElection(Leadership leadership) {
    return leadership.configuration();
  }

  /** In place of the extension's own, whose {@link Transport} cannot be told anything. */
  @Produces
  @Singleton
  KubernetesClient client(Config config, KubernetesSerialization serialization, Vertx vertx) {
    return new KubernetesClientBuilder().withConfig(config).withKubernetesSerialization(serialization)
        .withHttpClientFactory(new Transport(vertx)).build();
  }

  void close(@Disposes KubernetesClient client) {
    client.close();
  }

  /** In place of the extension's own, which registers the reconciler without {@link OnAllEvents}. */
  @Produces
  @Singleton
  Operator operator(QuarkusConfigurationService configuration, FlowTrainingReconciler reconciler) {
    Operator operator = new Operator(configuration);
    operator.register(reconciler, new OnAllEvents(configuration.getConfigurationFor(reconciler)));
    return operator;
  }
}
