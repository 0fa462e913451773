package dev.flowtraining.operator;

import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfiguration;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfigurationBuilder;
import io.quarkus.runtime.ShutdownEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import jakarta.interceptor.Interceptor;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Two replicas never reconcile at once: the one that holds the Lease does. Beyond what the framework (5.3.0) does, an
 * operator that has lost the Lease ends, and one that is asked to end gives it back, or the next would wait until it
 * expires.
 */
@Singleton
final class Leadership {

  private static final Logger LOG = LoggerFactory.getLogger(Leadership.class);
  private static final String LEASE = "flowtraining-operator";

  private final KubernetesClient client;
  private final String namespace;
  /** The pod's name: a container that is started again in its pod still holds the Lease. */
  private final String identity = Optional.ofNullable(System.getenv("HOSTNAME")).filter(name -> !name.isBlank())
      .orElseGet(() -> UUID.randomUUID().toString());
  private volatile boolean ending;

  Leadership(KubernetesClient client, @ConfigProperty(name = "flowtraining.leader-election.namespace") String namespace) {
    this.client = client;
    this.namespace = namespace;
  }

  LeaderElectionConfiguration configuration() {
    return LeaderElectionConfigurationBuilder.aLeaderElectionConfiguration(LEASE)
        .withLeaseNamespace(namespace).withIdentity(identity)
        .withLeaderCallbacks(new LeaderCallbacks(() -> { }, this::over, leader -> { }))
        .build();
  }

  /** Before the framework is told. */
  void end(@Observes @Priority(Interceptor.Priority.LIBRARY_BEFORE) ShutdownEvent event) {
    ending = true;
  }

  private void over() {
    if (ending) {
      giveBack();
    } else {
      LOG.error("the Lease {}/{} is lost: this operator ends, so that no two reconcile at once", namespace, LEASE);
      Runtime.getRuntime().halt(1); // at once: an orderly end would first bring to an end what is at work
    }
  }

  private void giveBack() {
    try {
      Resource<Lease> resource = client.leases().inNamespace(namespace).withName(LEASE);
      Lease lease = resource.get();
      if (lease != null && identity.equals(lease.getSpec().getHolderIdentity())) {
        lease.getSpec().setHolderIdentity(null);
        client.resource(lease).update();
      }
    } catch (KubernetesClientException e) {
      LOG.warn("the Lease {}/{} is not given back, the next operator waits until it expires: {}", namespace, LEASE,
          e.getMessage());
    }
  }
}
