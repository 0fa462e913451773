package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is installed, with kubectl and with Helm, and the samples: all of it taken by a real API server. */
@EnableKubeAPIServer
class InstallIT {

  private static final Path MANIFESTS = Path.of(System.getProperty("manifests.dir")).normalize();
  /** There already. */
  private static final Set<String> OF_THE_CLUSTER = Set.of("Namespace", "CustomResourceDefinition");
  private static final KubernetesSerialization YAML = new KubernetesSerialization();

  @KubeConfig
  static String kubeConfig;
  static KubernetesClient client;

  @BeforeAll
  static void install() {
    client = new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build();
    Crd.install(client);
    // a trial run does not reach into a namespace that is not there
    client.resource(new NamespaceBuilder().withNewMetadata().withName("flowtraining-system").endMetadata().build())
        .create();
    client.resource(new NamespaceBuilder().withNewMetadata().withName("restricted")
        .addToLabels("pod-security.kubernetes.io/enforce", "restricted").endMetadata().build()).create();
  }

  /** The namespace is the release's own, and Helm is told to leave the CRD behind. */
  @ParameterizedTest(name = "{0}: helm {1}")
  @CsvSource({
      "., crd.install=true",
      "namespaced, 'clusterWide=false,crd.install=false'",
      "chart/monitoring, 'monitoring.prometheus=true,monitoring.grafana=true'"
  })
  void helmAndKustomizeInstallTheSame(String kustomization, String values) throws Exception {
    Map<String, HasMetadata> kustomize =
        objects(ClientBinary.run("kubectl", "kustomize", MANIFESTS.resolve(kustomization)));
    Map<String, HasMetadata> helm = objects(ClientBinary.run("helm", "template", "release", MANIFESTS.resolve("chart"),
        "--namespace", "flowtraining-system", "--set", values));
    kustomize.remove("Namespace/flowtraining-system");
    helm.values().forEach(object -> object.getMetadata().getAnnotations().remove("helm.sh/resource-policy"));
    if (kustomization.endsWith("monitoring")) {
      helm.keySet().retainAll(kustomize.keySet());
    }
    assertThat(helm.keySet()).isNotEmpty().isEqualTo(kustomize.keySet());
    kustomize.forEach((name, object) ->
        assertThat(YAML.convertValue(helm.get(name), Map.class)).as(name)
            .isEqualTo(YAML.convertValue(object, Map.class)));
  }

  @Test
  void theChartIsWellFormedAndRefusesUnknownValues() throws Exception {
    ClientBinary.run("helm", "lint", "--strict", MANIFESTS.resolve("chart"));
    Process misspelt = ClientBinary.start("helm", "template", MANIFESTS.resolve("chart"), "--set", "replica=2");
    assertThat(new String(misspelt.getErrorStream().readAllBytes(), StandardCharsets.UTF_8)).contains("replica");
    assertThat(misspelt.waitFor()).isNotZero();
  }

  @ParameterizedTest(name = "kubectl apply -k {0}")
  @CsvSource({".", "namespaced"})
  void theApiServerTakesWhatIsInstalled(String kustomization) throws Exception {
    taken(ClientBinary.run("kubectl", "kustomize", MANIFESTS.resolve(kustomization)));
  }

  static List<Path> samples() throws IOException {
    try (Stream<Path> all = Files.list(MANIFESTS.resolve("samples"))) {
      return all.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void theApiServerTakesEverySample(Path sample) throws IOException {
    taken(Files.readString(sample));
  }

  /** The FlowTrainings that documents show. */
  @ParameterizedTest
  @CsvSource({"../README.md", "../configs/README.md"})
  void theApiServerTakesWhatIsShown(String document) throws IOException {
    List<String> shown = Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL)
        .matcher(Files.readString(MANIFESTS.resolve(document))).results().map(match -> match.group(1))
        .filter(yaml -> yaml.contains("kind: FlowTraining")).toList();
    assertThat(shown).isNotEmpty();
    shown.forEach(yaml -> taken(yaml.replace("{name: editx-base}", "{name: editx-base, namespace: default}")));
  }

  static List<Path> pods() throws IOException {
    try (Stream<Path> golden = Files.list(Path.of("src/test/resources/golden"))) {
      return Stream.concat(golden.sorted(), Stream.of(MANIFESTS.resolve("chart/objects/operator.yaml"))).toList();
    }
  }

  /** Each on its own: of a Job or Deployment the API server only warns. */
  @ParameterizedTest
  @MethodSource("pods")
  void everyPodRunsUnderTheRestrictedProfile(Path file) throws IOException {
    for (HasMetadata object : objects(Files.readString(file)).values()) {
      Map<String, Object> template = ((GenericKubernetesResource) object).get("spec", "template");
      if (template != null && Set.of("Job", "Deployment").contains(object.getKind())) {
        assertThat(admitted(template).getMetadata().getUid()).as(object.getKind()).isNotEmpty();
      }
    }
  }

  @Test
  void aPodThatMayBecomeRootIsRefused() throws IOException {
    HasMetadata job = objects(Files.readString(Path.of("src/test/resources/golden/prepare-data.yaml"))
        .replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")).values().iterator().next();
    assertThatThrownBy(() -> admitted(((GenericKubernetesResource) job).get("spec", "template")))
        .hasMessageContaining("violates PodSecurity \"restricted").hasMessageContaining("allowPrivilegeEscalation");
  }

  /** As the Job controller makes it, in a namespace that enforces the profile; nobody made its priority class. */
  private static Pod admitted(Map<String, Object> template) {
    Pod pod = YAML.convertValue(template, Pod.class);
    pod.getMetadata().setName("pod");
    pod.getMetadata().setNamespace("restricted");
    pod.getSpec().setPriorityClassName(null);
    return client.resource(pod).dryRun().create();
  }

  private static void taken(String yaml) {
    List<HasMetadata> all = objects(yaml).values().stream()
        .filter(object -> !OF_THE_CLUSTER.contains(object.getKind())).toList();
    assertThat(all).isNotEmpty().allSatisfy(object ->
        assertThat(client.resource(object).dryRun().create().getMetadata().getUid()).isNotEmpty());
  }

  private static Map<String, HasMetadata> objects(String yaml) {
    Map<String, HasMetadata> objects = new TreeMap<>();
    Arrays.stream(yaml.split("(?m)^---$")).filter(text -> text.contains("kind:")).forEach(text -> {
      GenericKubernetesResource object = YAML.unmarshal(text, GenericKubernetesResource.class);
      objects.put(object.getKind() + "/" + object.getMetadata().getName(), object);
    });
    return objects;
  }
}
