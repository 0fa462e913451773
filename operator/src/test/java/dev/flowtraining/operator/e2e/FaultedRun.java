package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Artifact;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A FlowTraining that something happens to. */
final class FaultedRun implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofMinutes(6);

  final KindCluster cluster;
  final NodeProcesses nodes;
  final String name;
  final CaseLog log;
  final Transitions transitions;
  final Outages outages;
  final SmallVolume volume;

  FaultedRun(KindCluster cluster, NodeProcesses nodes, String name, CaseLog log) {
    this.cluster = cluster;
    this.nodes = nodes;
    this.name = name;
    this.log = log;
    outages = new Outages(cluster, nodes, log);
    volume = new SmallVolume(cluster, nodes, log, name);
    transitions = new Transitions(cluster.client, cluster.namespace, name, step -> log.say("  " + step));
  }

  Path directory() {
    return cluster.workspace.resolve(cluster.namespace).resolve(name);
  }

  FlowTrainingStatus reached(String what, Predicate<FlowTrainingStatus> test) {
    return cluster.await(name, PATIENCE, what, test);
  }

  /** The reason of the condition Ready while something is missing. */
  void waitsWith(String reason) {
    reached(reason, s -> s.condition("Ready").filter(c -> c.reason().equals(reason)).isPresent());
    log.say("it waits: " + reason);
  }

  /** After an end that the spec was changed at. */
  void reachedAgain(Phase phase) {
    KindCluster.await(PATIENCE, name + " is " + phase, () -> cluster.status(name).phase() == phase);
  }

  FlowTrainingStatus during(Stage stage) {
    return reached(stage + " runs", s -> s.of(stage).phase() == StagePhase.RUNNING);
  }

  FlowTrainingStatus checkpointOf(int attempt) {
    return reached("a checkpoint of attempt " + attempt, s -> s.training().checkpoint() != null
        && s.training().checkpoint().path().startsWith("exp/flow_model/attempt-" + attempt + "/"));
  }

  /** After the failure of the first attempt. */
  FlowTrainingStatus restarted() {
    return reached("the second attempt", s -> s.of(Stage.TRAIN).attempt() == 2);
  }

  /** The second attempt begins with a checkpoint of the first. */
  void assertResumes() {
    KindCluster.await(PATIENCE, "training goes on from a checkpoint",
        () -> trainLog().contains("training goes on from exp/flow_model/attempt-1/"));
  }

  String trainLog() {
    try {
      return Files.readString(directory().resolve("exp/flow_model/train.log"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The inode of each file below a folder of a run. */
  Map<String, Object> inodes(String run, String folder) throws IOException {
    Path root = directory().resolveSibling(run).resolve(folder);
    Map<String, Object> inodes = new TreeMap<>();
    try (Stream<Path> files = Files.walk(root).filter(Files::isRegularFile)) {
      for (Path file : files.toList()) {
        inodes.put(root.relativize(file).toString(), Files.getAttribute(file, "unix:ino"));
      }
    }
    return inodes;
  }

  /** The ranks of the attempt, as soon as every one has a process. */
  Ranks ranks(int attempt) {
    KindCluster.await(PATIENCE, "the ranks of attempt " + attempt + " of " + name + " have started",
        () -> Stream.of(0, 1).allMatch(r -> started(attempt, r)));
    return new Ranks(nodes, IntStream.range(0, 2).mapToObj(r -> cluster.pod(job(attempt), r)).toList());
  }

  private boolean started(int attempt, int rank) {
    return cluster.pods(job(attempt)).stream()
        .filter(p -> Integer.toString(rank).equals(p.getMetadata().getLabels()
            .get("batch.kubernetes.io/job-completion-index")))
        .flatMap(p -> p.getStatus().getContainerStatuses().stream())
        .anyMatch(c -> c.getState().getRunning() != null);
  }

  String job(int attempt) {
    return name + "-train-" + attempt;
  }

  /** Stops the ranks of the attempt at this very moment, does it to them, and lets those go on that still can. */
  void at(Moment moment, int attempt, Consumer<Ranks> what) {
    Ranks ranks = ranks(attempt);
    String first = ranks.pod(0).getMetadata().getName();
    Trace trace = new Trace(directory(), attempt,
        () -> cluster.client.pods().inNamespace(cluster.namespace).withName(first).getLog());
    if (moment == Moment.RENDEZVOUS) {
      ranks.stop(1);
    }
    hold(moment.isShort() ? Moment.VALIDATION : moment, ranks, trace);
    if (moment.isShort()) {
      ranks.goOn(1);   // it waits for rank 0
      ranks.creep(0, moment.sign(cluster.onNodes(name) + "/exp/flow_model", attempt));
      ranks.stop(1);
      if (!moment.is(trace)) {
        ranks.goOnAll();
        throw new MissedMoment(moment + " of attempt " + attempt + " of " + name);
      }
    }
    log.say(moment + " of attempt " + attempt + ": " + trace.lastLine() + " " + trace.unfinished());
    what.accept(ranks);
    ranks.goOnAll();
  }

  /** The test was too slow to stop the ranks in time, which says nothing of what it tests. */
  static final class MissedMoment extends AssertionError {
    private MissedMoment(String what) {
      super(what);
    }
  }

  private void hold(Moment moment, Ranks ranks, Trace trace) {
    Instant end = Instant.now().plus(PATIENCE);
    while (true) {
      if (moment.is(trace)) {
        ranks.stopAll();
        if (moment.is(trace)) {   // and not past it
          return;
        }
        ranks.goOnAll();
      }
      assertThat(Instant.now()).as(moment + " of " + name).isBefore(end);
      if (trace.lastLine().contains("done: validation loss")) {
        throw new MissedMoment(moment + " of " + name + " has passed");
      }
      KindCluster.pause(moment.lookEvery());
    }
  }

  void deleteJob(String job) {
    log.say("Job " + job + " is deleted");
    cluster.client.batch().v1().jobs().inNamespace(cluster.namespace).withName(job).delete();
  }

  void deletePod(Pod pod) {
    log.say("pod " + pod.getMetadata().getName() + " is deleted");
    cluster.client.resource(pod).withGracePeriod(0).delete();
  }

  void evict(Pod pod) {
    log.say("pod " + pod.getMetadata().getName() + " is evicted");
    assertThat(cluster.client.pods().inNamespace(cluster.namespace).withName(pod.getMetadata().getName()).evict())
        .as("the eviction is granted").isTrue();
  }

  void suspend(boolean wish) {
    log.say("spec.suspend: " + wish);
    cluster.client.resources(FlowTraining.class).inNamespace(cluster.namespace).withName(name)
        .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"suspend\":" + wish + "}}");
  }

  /** Until its pods are told to end: another case may kill the operator at any moment before. */
  void suspendUntilTold(String job) {
    suspend(true);
    KindCluster.await(PATIENCE, "the pods of " + job + " are told to end",
        () -> cluster.pods(job).stream().allMatch(Pod::isMarkedForDeletion));
  }

  void resumeWhenSuspended() {
    FlowTrainingStatus suspended = reached("Suspended", s -> s.phase() == Phase.SUSPENDED);
    assertThat(KindCluster.condition(suspended, "Suspended").status()).isEqualTo("True");
    assertThat(ofRun(cluster.client.pods().inNamespace(cluster.namespace).list().getItems()))
        .as("pods that may hold a GPU").noneMatch(p -> "Running".equals(p.getStatus().getPhase()));
    suspend(false);
    reached("Resumed", s -> s.phase() == Phase.RUNNING);
  }

  /** Keeps a stage's first attempt from ending before something is done. */
  void held(Stage stage, Runnable what) {
    String job = stage == Stage.TRAIN ? job(1) : name + "-" + stage.id();
    int pods = stage == Stage.TRAIN ? 2 : 1;
    KindCluster.await(PATIENCE, job + " has started", () -> cluster.pods(job).stream()
        .flatMap(p -> p.getStatus().getContainerStatuses().stream()).filter(c -> c.getState().getRunning() != null)
        .count() == pods);
    Ranks processes = new Ranks(nodes, cluster.pods(job));
    processes.stopAll();
    what.run();
    processes.goOnAll();
  }

  void deleteProgress() {
    log.say("the ConfigMap of progress is deleted");
    cluster.client.configMaps().inNamespace(cluster.namespace).withName(name + "-progress").delete();
  }

  void killOperator() {
    log.say("the operator is killed");
    cluster.operatorPods().withGracePeriod(0).delete();
  }

  /** Sets off the deletion, and waits until nothing is left of it. */
  void delete() {
    log.say("the FlowTraining is deleted");
    cluster.client.resources(FlowTraining.class).inNamespace(cluster.namespace).withName(name).delete();
    Instant asked = Instant.now();
    KindCluster.await(Duration.ofSeconds(60), "nothing is left of " + name + " but " + children(),
        () -> children().isEmpty());
    log.say("all is gone after " + Duration.between(asked, Instant.now()).toSeconds() + " s");
  }

  /** Kind and name of everything that the operator has made for it. */
  List<String> children() {
    KubernetesClient client = cluster.client;
    String in = cluster.namespace;
    Stream<List<? extends HasMetadata>> lists = Stream.of(
        client.pods().inNamespace(in).list().getItems(), client.batch().v1().jobs().inNamespace(in).list().getItems(),
        client.services().inNamespace(in).list().getItems(), client.configMaps().inNamespace(in).list().getItems(),
        client.serviceAccounts().inNamespace(in).list().getItems(),
        client.rbac().roles().inNamespace(in).list().getItems(),
        client.rbac().roleBindings().inNamespace(in).list().getItems(),
        client.resources(FlowTraining.class).inNamespace(in).list().getItems());
    return lists.flatMap(l -> Stream.concat(ofRun(l).stream(),
            l.stream().filter(o -> o instanceof FlowTraining && o.getMetadata().getName().equals(name))))
        .map(o -> o.getKind() + " " + o.getMetadata().getName()).toList();
  }

  private <T extends HasMetadata> List<T> ofRun(List<T> all) {
    return all.stream().filter(o -> o.getMetadata().getLabels() != null
        && name.equals(o.getMetadata().getLabels().get("flowtraining.dev/name"))).toList();
  }

  /** SHA-256 of the weights by file name. */
  static Map<String, String> weights(FlowTrainingStatus status) {
    Map<String, String> hashes = new TreeMap<>();
    status.artifacts().stream().filter(a -> List.of("flow.pt", "flow.safetensors").contains(a.name()))
        .forEach((Artifact a) -> hashes.put(a.name(), a.sha256()));
    assertThat(hashes).hasSize(2);
    return hashes;
  }

  @Override
  public void close() {
    transitions.close();
    volume.close();
  }
}
