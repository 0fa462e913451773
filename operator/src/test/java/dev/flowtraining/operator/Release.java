package dev.flowtraining.operator;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a release left behind: its CRD, and the objects of a FlowTraining that trains. In {@code objects.yaml} a uid is
 * written as the object that has it.
 *
 * @param folder of the release, below releases/
 */
record Release(Path folder) {

  private static final KubernetesSerialization YAML = new KubernetesSerialization();
  /** An owner comes before what it owns. */
  private static final List<Class<? extends HasMetadata>> KINDS = List.of(FlowTraining.class, ServiceAccount.class,
      Role.class, RoleBinding.class, ConfigMap.class, Service.class, Job.class, Pod.class);
  private static final Pattern INSTANT = Pattern.compile("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z");
  /** Given by the API server, and refused when it is told. */
  private static final List<String> ITS_OWN = List.of("controller-uid", "batch.kubernetes.io/controller-uid",
      "job-name", "batch.kubernetes.io/job-name");

  static Release of(String version) {
    return new Release(Path.of("src/test/resources/releases", version));
  }

  Path crd() {
    return folder.resolve("crd.yml");
  }

  private Path objects() {
    return folder.resolve("objects.yaml");
  }

  /** Without pods that have ended, which nobody needs. */
  void record(KubernetesClient client) throws IOException {
    StringBuilder text = new StringBuilder("# recorded " + Instant.now().truncatedTo(ChronoUnit.SECONDS) + "\n");
    List<HasMetadata> all = new ArrayList<>();
    for (Class<? extends HasMetadata> kind : KINDS) {
      client.resources(kind).inNamespace(PlayedCluster.NAMESPACE).list().getItems().stream()
          .filter(o -> kind == FlowTraining.class || !o.getMetadata().getOwnerReferences().isEmpty())
          .filter(o -> !(o instanceof Pod pod) || pod.getStatus().getPhase().equals("Running")).forEach(all::add);
    }
    for (HasMetadata object : all) {
      GenericKubernetesResource copy = YAML.convertValue(object, GenericKubernetesResource.class);
      copy.getMetadata().setManagedFields(null);
      copy.getMetadata().setResourceVersion(null);
      copy.getMetadata().setCreationTimestamp(null);
      copy.getMetadata().setGeneration(null);
      copy.getMetadata().setUid(null);
      if (object instanceof Job) {
        copy.<Map<String, Object>>get("spec").remove("selector");
        copy.<Map<String, Object>>get("spec", "template", "metadata", "labels").keySet().removeAll(ITS_OWN);
      }
      text.append(YAML.asYaml(copy));
    }
    String named = text.toString();
    for (HasMetadata object : all) {
      named = named.replace(object.getMetadata().getUid(), placeholder(object));
    }
    Files.createDirectories(folder);
    Files.writeString(objects(), named);
  }

  /**
   * Puts the objects into an API server, with the times that they would have if they had been recorded just now.
   *
   * @param fieldManager of the operator, which owns what it has applied
   */
  void restore(KubernetesClient client, String fieldManager) throws IOException {
    String text = Files.readString(objects());
    Duration age = Duration.between(Instant.parse(text.lines().findFirst().orElseThrow().split(" ")[2]), Instant.now())
        .truncatedTo(ChronoUnit.SECONDS);
    text = INSTANT.matcher(text).replaceAll(instant -> Instant.parse(instant.group()).plus(age).toString());
    for (int next = 0; next < documents(text).size(); next++) {
      GenericKubernetesResource wanted = YAML.unmarshal(documents(text).get(next), GenericKubernetesResource.class);
      HasMetadata stored = switch (wanted.getKind()) {
        case "FlowTraining", "Job", "Pod" -> client.resource(wanted).create();
        default -> client.resource(wanted).fieldManager(fieldManager).serverSideApply();
      };
      if (wanted.get("status") != null) {
        GenericKubernetesResource withStatus = YAML.convertValue(stored, GenericKubernetesResource.class);
        withStatus.setAdditionalProperty("status", wanted.get("status"));
        client.resource(withStatus).updateStatus();
      }
      text = text.replace(placeholder(stored), stored.getMetadata().getUid());
    }
  }

  private static List<String> documents(String text) {
    return Arrays.stream(text.split("(?m)^---$")).filter(document -> document.contains("kind:")).toList();
  }

  private static String placeholder(HasMetadata object) {
    return "uid-of-" + object.getKind() + "-" + object.getMetadata().getName() + ".";
  }
}
