package dev.flowtraining.operator;

import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The checked-in CRD, installed into an API server. */
public final class Crd {

  private Crd() {
  }

  public static void install(KubernetesClient client) {
    try {
      String yaml = Files.readString(Path.of(System.getProperty("crds.dir"), "flowtrainings.flowtraining.dev-v1.yml"));
      CustomResourceDefinition crd =
          client.getKubernetesSerialization().unmarshal(yaml, CustomResourceDefinition.class);
      client.resource(crd).serverSideApply();
      client.resource(crd).waitUntilCondition(c -> c != null && c.getStatus() != null && c.getStatus()
          .getConditions() != null
          && c.getStatus().getConditions().stream()
          .anyMatch(x -> x.getType().equals("Established") && x.getStatus().equals("True")), 30, TimeUnit.SECONDS);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
