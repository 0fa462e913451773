package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.report.OperatorMetrics;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerStateBuilder;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.ContainerStatusBuilder;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.ValidatingWebhookConfiguration;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.ValidatingWebhookConfigurationBuilder;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.javaoperatorsdk.operator.Operator;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A real API server in which the test plays the Job controller, the scheduler, the kubelet and the trainer. */
final class PlayedCluster {

  private static final Duration PATIENCE = Duration.ofSeconds(30);
  static final String NAMESPACE = "default";
  /** Of the image, in what plays the registry. */
  static final String DIGEST = "sha256:" + "0123456789abcdef".repeat(4);

  final KubernetesClient client;
  private Operator operator;

  PlayedCluster(KubernetesClient client) {
    this.client = client;
  }

  void startOperator() {
    startOperator(Clock.systemUTC());
  }

  void startOperator(Clock clock) {
    operator = new Operator(o -> o.withKubernetesClient(client).withCloseClientOnStop(false));
    operator.register(new FlowTrainingReconciler(client, new OperatorMetrics(new SimpleMeterRegistry()),
        clock, "flow-trainer:test", "tensorboard:test"));
    operator.start();
  }

  void stopOperator() {
    operator.stop();
  }

  void claim(String name, String accessMode) {
    client.resource(new PersistentVolumeClaimBuilder()
        .withNewMetadata().withName(name).withNamespace(NAMESPACE).endMetadata()
        .withNewSpec().withAccessModes(accessMode).withNewResources().addToRequests("storage", new Quantity("1Gi"))
        .endResources().endSpec().build()).create();
  }

  /** The volume controller has found a volume. */
  void bind(String name) {
    client.resource(new PersistentVolumeClaimBuilder(client.persistentVolumeClaims().inNamespace(NAMESPACE)
        .withName(name).get()).withNewStatus().withPhase("Bound").endStatus().build()).updateStatus();
  }

  FlowTraining apply(String yaml) {
    client.resource(yaml).forceConflicts().serverSideApply();
    return client.resources(FlowTraining.class).inNamespace(NAMESPACE).list().getItems().getFirst();
  }

  /** As a tool does that keeps it in Git. */
  void applyAs(String manager, String yaml) {
    client.resource(yaml).fieldManager(manager).serverSideApply();
  }

  FlowTrainingStatus status(String name) {
    return client.resources(FlowTraining.class).inNamespace(NAMESPACE).withName(name).get().getStatus();
  }

  FlowTrainingStatus await(String name, Predicate<FlowTrainingStatus> wanted) {
    return await(() -> status(name), wanted);
  }

  FlowTrainingStatus awaitPhase(String name, Phase phase) {
    return await(name, s -> s.phase() == phase);
  }

  Job awaitJob(String name) {
    return await(() -> job(name), j -> j != null);
  }

  Job job(String name) {
    return client.batch().v1().jobs().inNamespace(NAMESPACE).withName(name).get();
  }

  List<String> jobs() {
    return client.batch().v1().jobs().inNamespace(NAMESPACE).list().getItems().stream()
        .sorted(Comparator.comparing(j -> j.getMetadata().getCreationTimestamp() + j.getMetadata().getName()))
        .map(j -> j.getMetadata().getName()).toList();
  }

  /** The kubelet starts every pod of a Job. */
  Job run(String jobName) {
    Job job = awaitJob(jobName);
    for (int index = 0; index < job.getSpec().getCompletions(); index++) {
      Map<String, String> labels = new TreeMap<>(job.getSpec().getTemplate().getMetadata().getLabels());
      labels.put("batch.kubernetes.io/job-completion-index", Integer.toString(index));
      Pod pod = new PodBuilder()
          .withNewMetadata().withName(jobName + "-" + index).withNamespace(NAMESPACE).withLabels(labels)
          .withFinalizers("test.flowtraining.dev/kubelet")
          .addNewOwnerReference().withApiVersion("batch/v1").withKind("Job").withName(jobName)
          .withUid(job.getMetadata().getUid()).withController(true).endOwnerReference()
          .endMetadata()
          .withSpec(job.getSpec().getTemplate().getSpec())
          .editSpec().withNodeName("node-" + index).endSpec()
          .build();
      client.resource(pod).create();
      Instant started = Instant.now().truncatedTo(ChronoUnit.SECONDS);
      phase(pod, "Running", name -> new ContainerStateBuilder().withNewRunning().withStartedAt(started.toString())
          .endRunning());
    }
    return job;
  }

  /** A container ends; the pod goes on if it has others. */
  void exit(String podName, int localRank, int exitCode, String reason, String message) {
    Pod pod = pod(podName);
    List<ContainerStatus> statuses = new ArrayList<>(pod.getStatus().getContainerStatuses());
    ContainerStatus old = statuses.get(localRank);
    statuses.set(localRank, new ContainerStatusBuilder(old).withNewState().withNewTerminated()
        .withExitCode(exitCode).withReason(reason).withMessage(message)
        .withStartedAt(Instant.now().minusSeconds(1).truncatedTo(ChronoUnit.SECONDS).toString())
        .withFinishedAt(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()).endTerminated().endState().build());
    boolean all = statuses.stream().allMatch(s -> s.getState().getTerminated() != null);
    client.resource(new PodBuilder(pod).editStatus().withContainerStatuses(statuses)
        .withPhase(all ? exitCode == 0 ? "Succeeded" : "Failed" : "Running").endStatus().build()).updateStatus();
  }

  /** What the node controller says of a node. */
  void node(String name, boolean ready) {
    Node node = client.nodes().withName(name).get();
    if (node == null) {
      node = client.resource(new NodeBuilder().withNewMetadata().withName(name).endMetadata().build()).create();
    }
    client.resource(new NodeBuilder(node).withNewStatus().addNewCondition().withType("Ready")
        .withStatus(ready ? "True" : "Unknown").withReason("Played")
        .withLastTransitionTime(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()).endCondition()
        .endStatus().build()).updateStatus();
  }

  /** The scheduler finds no place for a pod, of which no container has started then. */
  void unschedulable(String podName, String message) {
    client.resource(new PodBuilder(pod(podName)).withNewStatus().withPhase("Pending").addNewCondition()
        .withType("PodScheduled").withStatus("False").withReason("Unschedulable").withMessage(message).endCondition()
        .endStatus().build()).updateStatus();
  }

  /** What the node controller does to the pods of a node that is silent. */
  void notReady(String podName) {
    client.resource(new PodBuilder(pod(podName)).editStatus().addNewCondition().withType("Ready").withStatus("False")
        .endCondition().endStatus().build()).updateStatus();
  }

  /** What Kueue does with a Job. */
  void suspend(String jobName, boolean suspended) {
    client.batch().v1().jobs().inNamespace(NAMESPACE).withName(jobName).edit(j -> new JobBuilder(j).editSpec()
        .withSuspend(suspended).endSpec().build());
  }

  /** No Job can be created: what is asked about each does not answer. */
  ValidatingWebhookConfiguration breakJobs() {
    var webhook = new ValidatingWebhookConfigurationBuilder().withNewMetadata().withName("broken").endMetadata()
        .addNewWebhook().withName("broken.test.flowtraining.dev").withSideEffects("None")
        .withAdmissionReviewVersions("v1").withFailurePolicy("Fail").withTimeoutSeconds(1)
        .withNewClientConfig().withUrl("https://127.0.0.1:1/").endClientConfig()
        .addNewRule().withApiGroups("batch").withApiVersions("v1").withOperations("CREATE").withResources("jobs")
        .endRule()
        .endWebhook().build();
    return client.resource(webhook).create();
  }

  /** All pods of a Job end well, and its controller says so. */
  void complete(String jobName) {
    Job job = job(jobName);
    for (int index = 0; index < job.getSpec().getCompletions(); index++) {
      for (int rank = 0; rank < job.getSpec().getTemplate().getSpec().getContainers().size(); rank++) {
        exit(jobName + "-" + index, rank, 0, "Completed", "");
      }
    }
    int pods = job.getSpec().getCompletions();
    String start = started(jobName).getStatus().getStartTime();
    String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    client.resource(new JobBuilder(job(jobName)).editStatus()
        .withStartTime(start).withCompletionTime(now).withSucceeded(pods).withActive(0)
        .withCompletedIndexes(job.getSpec().getCompletionMode().equals("Indexed")
            ? pods == 1 ? "0" : "0-" + (pods - 1) : null)
        .addNewCondition().withType("SuccessCriteriaMet").withStatus("True").withLastTransitionTime(now)
        .withReason("CompletionsReached").endCondition()
        .addNewCondition().withType("Complete").withStatus("True").withLastTransitionTime(now)
        .withReason("CompletionsReached").endCondition()
        .endStatus().build()).updateStatus();
  }

  /** The Job controller notices that a pod has failed. */
  void fail(String jobName) {
    Job job = started(jobName);
    String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    client.resource(new JobBuilder(job).editStatus().withFailed(1).withActive(0)
        .addNewCondition().withType("FailureTarget").withStatus("True").withLastTransitionTime(now)
        .withReason("BackoffLimitExceeded").withMessage("Job has reached the specified backoff limit").endCondition()
        .addNewCondition().withType("Failed").withStatus("True").withLastTransitionTime(now)
        .withReason("BackoffLimitExceeded").withMessage("Job has reached the specified backoff limit").endCondition()
        .endStatus().build()).updateStatus();
  }

  /** The Job controller has counted a pod that failed, and replaces it. */
  void lost(String jobName, int pods) {
    client.resource(new JobBuilder(started(jobName)).editStatus().withFailed(pods).endStatus().build()).updateStatus();
  }

  /** The kubelet and the garbage collector let the pods of a deleted Job go. */
  void letGo(String jobName) {
    for (Pod pod : client.pods().inNamespace(NAMESPACE).list().getItems()) {
      if (pod.getMetadata().getOwnerReferences().getFirst().getName().equals(jobName)) {
        client.resource(new PodBuilder(pod).editMetadata().withFinalizers().endMetadata().build()).update();
        client.resource(pod).withGracePeriod(0).delete();
      }
    }
  }

  /** The trainer patches the ConfigMap of the run. */
  void report(String name, String key, String json) {
    String escaped = json.replace("\\", "\\\\").replace("\"", "\\\"");
    client.configMaps().inNamespace(NAMESPACE).withName(name + "-progress")
        .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"data\":{\"" + key + "\":\"" + escaped + "\"}}");
  }

  void runStage(String jobName) {
    run(jobName);
    complete(jobName);
  }

  Pod pod(String name) {
    return client.pods().inNamespace(NAMESPACE).withName(name).get();
  }

  /** In the order in which they were written. */
  List<String> events(String name) {
    return client.v1().events().inNamespace(NAMESPACE).withField("involvedObject.name", name).list().getItems().stream()
        .sorted(Comparator.comparing((Event e) -> Long.parseLong(e.getMetadata().getResourceVersion())))
        .map(Event::getReason).collect(Collectors.toList());
  }

  /** Events come after the status that they tell of. */
  void awaitEvents(String name, String... reasons) {
    await(() -> events(name), seen -> seen.size() >= reasons.length);
    assertThat(events(name)).containsExactly(reasons);
  }

  void clean() {
    client.resources(FlowTraining.class).inNamespace(NAMESPACE).withGracePeriod(0).delete();
    client.batch().v1().jobs().inNamespace(NAMESPACE).delete();
    for (Pod pod : client.pods().inNamespace(NAMESPACE).list().getItems()) {
      client.resource(new PodBuilder(pod).editMetadata().withFinalizers().endMetadata().build()).update();
      client.resource(pod).withGracePeriod(0).delete();
    }
    for (var claim : client.persistentVolumeClaims().inNamespace(NAMESPACE).list().getItems()) {
      client.resource(new PersistentVolumeClaimBuilder(claim).editMetadata().withFinalizers().endMetadata().build())
          .update();
      client.resource(claim).delete();
    }
    client.configMaps().inNamespace(NAMESPACE).delete();
    client.apps().deployments().inNamespace(NAMESPACE).delete();
    client.services().inNamespace(NAMESPACE).withLabel("flowtraining.dev/name").delete();
    client.rbac().roleBindings().inNamespace(NAMESPACE).withLabel("flowtraining.dev/name").delete();
    client.rbac().roles().inNamespace(NAMESPACE).withLabel("flowtraining.dev/name").delete();
    client.v1().events().inNamespace(NAMESPACE).delete();
  }

  static <T> T await(Supplier<T> supplier, Predicate<T> wanted) {
    Instant end = Instant.now().plus(PATIENCE);
    T last = supplier.get();
    while (!wanted.test(last)) {
      if (Instant.now().isAfter(end)) {
        throw new AssertionError("not within " + PATIENCE + "; last seen: " + last);
      }
      try {
        Thread.sleep(100);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      last = supplier.get();
    }
    return last;
  }

  private Job started(String jobName) {
    Job job = job(jobName);
    if (job.getStatus() != null && job.getStatus().getStartTime() != null) {
      return job;
    }
    return client.resource(new JobBuilder(job).withNewStatus()
        .withStartTime(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString())
        .withActive(job.getSpec().getCompletions()).endStatus().build()).updateStatus();
  }

  private void phase(Pod pod, String phase, Function<String, ContainerStateBuilder> state) {
    List<Container> containers = pod.getSpec().getContainers();
    List<ContainerStatus> statuses = IntStream.range(0, containers.size())
        .mapToObj(i -> new ContainerStatusBuilder().withName(containers.get(i).getName()).withImage("i")
            .withImageID("docker.io/library/flow-trainer@" + DIGEST)
            .withReady(true).withRestartCount(0).withState(state.apply(containers.get(i).getName()).build()).build())
        .toList();
    client.resource(new PodBuilder(pod(pod.getMetadata().getName())).withNewStatus().withPhase(phase)
        .withContainerStatuses(statuses).endStatus().build()).updateStatus();
  }
}
