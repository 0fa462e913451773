package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodList;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.scheduling.v1.PriorityClassBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.FilterWatchListDeletable;
import io.fabric8.kubernetes.client.dsl.PodResource;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A namespace of its own on the kind cluster that {@code ./flow} made: the restricted profile enforced, the sample
 * speech as claim {@code speech}, an empty claim {@code flow-workspace}, both on a host folder that the test can read
 * and write.
 */
final class KindCluster implements AutoCloseable {
  private static final Path HOST = Path.of(System.getenv().getOrDefault("FLOW_HOST_DIR", "/flowtraining"));
  private static final String NODE_MOUNT = "/flowtraining";

  final KubernetesClient client = new KubernetesClientBuilder().build();
  final String namespace;
  /** The node of the API server. */
  final String controlPlane;
  /** What the pods see as {@code /workspace}. */
  final Path workspace;
  /** What the pods see as {@code /data}. */
  final Path data;

  private KindCluster(String namespace) throws IOException {
    this.namespace = namespace;
    controlPlane = client.nodes().withLabel("node-role.kubernetes.io/control-plane").list().getItems().getFirst()
        .getMetadata().getName();
    workspace = writable(HOST.resolve("e2e").resolve(namespace).resolve("workspace"));
    data = writable(HOST.resolve("e2e").resolve(namespace).resolve("data"));
  }

  /** Notices whether a test failed: then its folder is kept, to be looked at. */
  static final class Failures implements AfterTestExecutionCallback {
    private static volatile boolean any;

    @Override
    public void afterTestExecution(ExtensionContext test) {
      any |= test.getExecutionException().isPresent();
    }

    /** Of a test that JUnit does not tell extensions of. */
    static void note() {
      any = true;
    }
  }

  static KindCluster open(String purpose) throws IOException {
    Failures.any = false;
    var cluster = new KindCluster("e2e-" + purpose + "-" + Long.toString(System.currentTimeMillis() / 1000, 36));
    cluster.client.namespaces().resource(new NamespaceBuilder().withNewMetadata().withName(cluster.namespace)
        .withLabels(Map.of("pod-security.kubernetes.io/enforce", "restricted")).endMetadata().build()).create();
    cluster.claim("speech", "data");
    cluster.claim("flow-workspace", "workspace");
    return cluster;
  }

  /** A claim bound to a folder of the host. */
  void claim(String name, String folder) {
    volume(name, folder);
    request(name);
  }

  void volume(String claim, String folder) {
    client.persistentVolumes().resource(new PersistentVolumeBuilder().withNewMetadata()
        .withName(namespace + "-" + claim).endMetadata()
        .withNewSpec().withAccessModes("ReadWriteMany").withCapacity(Map.of("storage", new Quantity("10Gi")))
        .withStorageClassName("").withNewHostPath()
        .withPath(NODE_MOUNT + "/e2e/" + namespace + "/" + folder).endHostPath()
        .endSpec().build()).create();
  }

  /** A claim that waits for its volume. */
  void request(String name) {
    client.persistentVolumeClaims().inNamespace(namespace).resource(new PersistentVolumeClaimBuilder()
        .withNewMetadata().withName(name).endMetadata()
        .withNewSpec().withAccessModes("ReadWriteMany").withStorageClassName("").withVolumeName(namespace + "-" + name)
        .withNewResources().withRequests(Map.of("storage", new Quantity("10Gi"))).endResources().endSpec().build())
        .create();
  }

  /** Kaldi files of every n-th utterance of the sample speech, with the audio itself linked into the data volume. */
  List<String> speech(String folder, int utterances) throws IOException {
    Path sample = HOST.resolve("data/train");
    List<String> all = Files.readAllLines(sample.resolve("wav.scp"));
    int every = Math.max(1, all.size() / utterances);
    List<String> ids = new ArrayList<>();
    List<String> scp = new ArrayList<>();
    Path audio = writable(data.resolve(folder).resolve("wav"));
    for (int i = 0; i < all.size() && ids.size() < utterances; i += every) {
      String[] parts = all.get(i).split("\\s+", 2);
      ids.add(parts[0]);
      Files.copy(sample.resolve(parts[1]), audio.resolve(parts[0] + ".wav"));
      scp.add(parts[0] + " wav/" + parts[0] + ".wav");
    }
    Files.write(data.resolve(folder).resolve("wav.scp"), scp);
    for (String file : List.of("text", "utt2spk")) {
      Files.write(data.resolve(folder).resolve(file), Files.readAllLines(sample.resolve(file)).stream()
          .filter(line -> ids.contains(line.split("\\s+", 2)[0])).toList());
    }
    return ids;
  }

  /** Applies a FlowTraining; {@code spec} is YAML. */
  FlowTraining apply(String name, String spec) {
    return client.resources(FlowTraining.class)
        .load(new ByteArrayInputStream(manifest(name, spec).getBytes(StandardCharsets.UTF_8))).create();
  }

  /** Changes the spec of one that is there; {@code spec} is YAML. */
  void change(String name, String spec) {
    FlowTraining changed = client.resources(FlowTraining.class).load(new ByteArrayInputStream(
        manifest(name, spec).getBytes(StandardCharsets.UTF_8))).item();
    client.resources(FlowTraining.class).inNamespace(namespace).withName(name).edit(ft -> {
      ft.setSpec(changed.getSpec());
      return ft;
    });
  }

  private String manifest(String name, String spec) {
    return "apiVersion: flowtraining.dev/v1alpha1\nkind: FlowTraining\nmetadata: {name: " + name
        + ", namespace: " + namespace + "}\nspec:\n" + spec.indent(2);
  }

  FlowTrainingStatus status(String name) {
    FlowTraining training = client.resources(FlowTraining.class).inNamespace(namespace).withName(name).get();
    assertThat(training).as("the FlowTraining " + name).isNotNull();
    return training.getStatus() == null ? FlowTrainingStatus.empty() : training.getStatus();
  }

  FlowTrainingStatus await(String name, Duration limit, String what, Predicate<FlowTrainingStatus> reached) {
    Instant end = Instant.now().plus(limit);
    while (true) {
      FlowTrainingStatus status = status(name);
      if (reached.test(status)) {
        return status;
      }
      boolean over = status.phase() != null && status.phase().isTerminal();
      if (over || Instant.now().isAfter(end)) {
        throw new AssertionError(name + " did not reach: " + what + "; " + describe(status));
      }
      pause();
    }
  }

  FlowTrainingStatus awaitEnd(String name, Duration limit) {
    return await(name, limit, "its end", status -> status.phase() != null && status.phase().isTerminal());
  }

  static void await(Duration limit, String what, BooleanSupplier reached) {
    Instant end = Instant.now().plus(limit);
    while (!reached.getAsBoolean()) {
      assertThat(Instant.now()).as(what).isBefore(end);
      pause();
    }
  }

  static String describe(FlowTrainingStatus status) {
    return "phase " + status.phase() + ", stage " + status.stage() + ", last failure "
        + status.training().lastFailure() + ", conditions " + status.conditions();
  }

  static void assertSucceeded(FlowTrainingStatus status) {
    assertThat(status.phase()).as(describe(status)).isEqualTo(Phase.SUCCEEDED);
    assertThat(condition(status, "Ready").status()).isEqualTo("True");
  }

  static Condition condition(FlowTrainingStatus status, String type) {
    return status.condition(type)
        .orElseThrow(() -> new AssertionError("no condition " + type + "; " + describe(status)));
  }

  List<Pod> pods(String job) {
    return client.pods().inNamespace(namespace).withLabel("batch.kubernetes.io/job-name", job).list().getItems();
  }

  Pod pod(String job, int index) {
    return pods(job).stream().filter(p -> Integer.toString(index)
            .equals(p.getMetadata().getLabels().get("batch.kubernetes.io/job-completion-index")))
        .findFirst().orElseThrow(() -> new AssertionError("no pod " + index + " of " + job));
  }

  /** The run directory of another FlowTraining, without what makes it that one's and without its training. */
  void prepared(NodeProcesses nodes, String from, String to) {
    String target = onNodes(to);
    String said = nodes.run(workingNode(), "mkdir -p " + target + " && cd " + onNodes(from) + " && chown --reference=. "
        + target + " && cp -a data parquet tokenizer prepare-data.json speaker-embedding.json speech-tokens.json "
        + "parquet.json " + target + " && echo copied");
    assertThat(said).as("the prepared data of " + from).isEqualTo("copied\n");
  }

  /** Where a node has a run directory. */
  String onNodes(String run) {
    return NODE_MOUNT + "/e2e/" + namespace + "/workspace/" + namespace + "/" + run;
  }

  /** One that takes pods. */
  String workingNode() {
    return client.nodes().list().getItems().stream().filter(n -> n.getSpec().getTaints().isEmpty())
        .map(n -> n.getMetadata().getName()).sorted().findFirst().orElseThrow();
  }

  boolean answers() {
    try {
      return "ok".equals(client.raw("/readyz"));
    } catch (KubernetesClientException e) {
      return false;
    }
  }

  /** Takes a node's CPU away from pods of no priority. */
  void important(String node, String cpu) {
    client.resource(new PriorityClassBuilder().withNewMetadata().withName(namespace).endMetadata().withValue(1000)
        .build()).create();
    client.resource(new PodBuilder().withNewMetadata().withName("important").withNamespace(namespace).endMetadata()
        .withNewSpec().withPriorityClassName(namespace).withNodeSelector(Map.of("kubernetes.io/hostname", node))
        .withTerminationGracePeriodSeconds(0L)
        .withNewSecurityContext().withRunAsNonRoot().withRunAsUser(1000L).withNewSeccompProfile()
        .withType("RuntimeDefault").endSeccompProfile().endSecurityContext()
        .addNewContainer().withName("sleep").withImage("flow-trainer:dev").withCommand("sleep", "infinity")
        .withNewResources().withRequests(Map.of("cpu", new Quantity(cpu))).endResources()
        .withNewSecurityContext().withAllowPrivilegeEscalation(false).withNewCapabilities().withDrop("ALL")
        .endCapabilities().endSecurityContext().endContainer()
        .endSpec().build()).create();
  }

  void unimportant() {
    client.pods().inNamespace(namespace).withName("important").delete();
    client.scheduling().v1().priorityClasses().withName(namespace).delete();
  }

  FilterWatchListDeletable<Pod, PodList, PodResource> operatorPods() {
    return client.pods().inNamespace("flowtraining-system")
        .withLabel("app.kubernetes.io/name", "flowtraining-operator");
  }

  static void pause() {
    pause(Duration.ofMillis(300));
  }

  static void pause(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private static Path writable(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));   // stages are not root
    return folder;
  }

  @Override
  public void close() {
    client.namespaces().withName(namespace).delete();
    if (!Failures.any) {
      // pods write until they are gone
      await(Duration.ofMinutes(2), namespace + " is gone", () -> client.namespaces().withName(namespace).get() == null);
      delete(HOST.resolve("e2e").resolve(namespace));
    }
    client.persistentVolumes().withName(namespace + "-speech").delete();
    client.persistentVolumes().withName(namespace + "-flow-workspace").delete();
    client.close();
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      // the pods' files are those of another user: only root may delete them
      System.err.println(folder + " stays: " + e);
    }
  }
}
