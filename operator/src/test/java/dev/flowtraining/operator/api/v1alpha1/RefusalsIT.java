package dev.flowtraining.operator.api.v1alpha1;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.ClientBinary;
import dev.flowtraining.operator.Crd;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Manifests with one thing wrong each, and what {@code kubectl apply} answers to each: refusals/created.txt is what a
 * user sees for refusals/created.yaml, changed.txt for what is changed in the middle of a run.
 */
@EnableKubeAPIServer
class RefusalsIT {

  @KubeConfig
  static String kubeConfig;
  static KubernetesClient client;

  private static final Path FOLDER = Path.of("src/test/resources/refusals");
  @TempDir Path folder;

  @BeforeAll
  static void install() {
    client = new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build();
    Crd.install(client);
  }

  @Test
  void whatIsWrongIsRefusedWithAWordOnTheWayOut() throws Exception {
    agrees("created.txt", apply("created.yaml"));
    assertThat(client.resources(FlowTraining.class).inAnyNamespace().list().getItems()).as("accepted").isEmpty();
  }

  @Test
  void whatMayNotChangeInARunSaysHowToChangeIt() throws Exception {
    String changed = Files.readString(FOLDER.resolve("changed.yaml"));
    for (String yaml : changed.split("---")) {
      GenericKubernetesResource wanted = new KubernetesSerialization().unmarshal(yaml, GenericKubernetesResource.class);
      FlowTraining ft = new KubernetesSerialization().unmarshal("""
          apiVersion: flowtraining.dev/v1alpha1
          kind: FlowTraining
          metadata: {name: %s, namespace: default}
          spec: {data: {train: {path: train}, volume: {persistentVolumeClaim: {claimName: speech}}}}
          """.formatted(wanted.getMetadata().getName()), FlowTraining.class);
      FlowTraining stored = client.resource(ft).create();
      stored.setStatus(FlowTrainingStatus.empty().withPhase(Phase.RUNNING));
      client.resource(stored).updateStatus();
    }
    agrees("changed.txt", apply("changed.yaml"));
    client.resources(FlowTraining.class).inNamespace("default").delete();
  }

  @Test
  void everyRuleOfTheSchemaIsAmongThem() throws IOException {
    JSONSchemaProps root = new KubernetesSerialization().unmarshal(Files.readString(Path.of(
            System.getProperty("crds.dir"), "flowtrainings.flowtraining.dev-v1.yml")),
        io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition.class)
        .getSpec().getVersions().getFirst().getSchema().getOpenAPIV3Schema();
    List<String> messages = new ArrayList<>();
    collect(root, messages);
    String told = Files.readString(FOLDER.resolve("created.txt")) + Files.readString(FOLDER.resolve("changed.txt"));
    assertThat(messages).hasSizeGreaterThan(25).allSatisfy(message -> assertThat(told).contains(message));
  }

  private static void collect(JSONSchemaProps schema, List<String> messages) {
    if (schema.getXKubernetesValidations() != null) {
      schema.getXKubernetesValidations().forEach(rule -> messages.add(rule.getMessage()));
    }
    if (schema.getProperties() != null) {
      schema.getProperties().values().forEach(child -> collect(child, messages));
    }
    if (schema.getItems() != null) {
      collect(schema.getItems().getSchema(), messages);
    }
  }

  private static final Set<String> NOT_TOLD = Set.of("Warning:", "{", "to:", "Resource:", "Name:");

  /** What kubectl prints, without what it was given. */
  private String apply(String file) throws Exception {
    Path config = Files.writeString(folder.resolve("kubeconfig"), kubeConfig);
    Process process = new ProcessBuilder(ClientBinary.of("kubectl").toString(), "--kubeconfig", config.toString(),
        "apply", "-f", FOLDER.resolve(file).toString()).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return text.replace(FOLDER.resolve(file).toString(), file).lines()
        .filter(line -> NOT_TOLD.stream().noneMatch(line::startsWith)).collect(Collectors.joining("\n", "", "\n"));
  }

  private static void agrees(String file, String text) throws IOException {
    if (Boolean.getBoolean("golden.write")) {
      Files.writeString(FOLDER.resolve(file), text);
    }
    assertThat(FOLDER.resolve(file)).content().isEqualTo(text);
  }
}
