package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.ConfigMapReference;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.build.CleanUpJob;
import dev.flowtraining.operator.build.ConfigSnapshot;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.observe.Observation.Former;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Caches → Observation. Jobs, pods and progress come from informers; what is needed only now and then (claims, the
 * configuration, events about something that does not start) is asked for when it is needed. Takes no action.
 */
public final class Observer {

  private final KubernetesClient client;
  private final Nodes nodes;
  private final Warnings warnings;

  public Observer(KubernetesClient client) {
    this.client = client;
    this.nodes = new Nodes(client);
    this.warnings = new Warnings(client);
  }

  public Observation observe(FlowTraining ft, Context<FlowTraining> context, Instant now) {
    Set<Job> allJobs = context.getSecondaryResources(Job.class);
    Set<Pod> allPods = context.getSecondaryResources(Pod.class);
    List<JobView> jobs = new ArrayList<>(allJobs.stream().filter(j -> isOf(ft, j)).map(Views::job).toList());
    List<PodView> pods = nodes.look(allPods.stream().filter(p -> isOf(ft, p)).toList());
    List<Former> former = Stream.concat(
        allJobs.stream().filter(j -> !isOf(ft, j)).map(j -> new Former("job " + j.getMetadata().getName(),
            Optional.empty())),
        nodes.look(allPods.stream().filter(p -> !isOf(ft, p)).toList()).stream()
            .map(p -> new Former(p.where(), Optional.of(p))))
        .sorted(Comparator.comparing(Former::where)).toList();

    FlowTrainingStatus status = ft.getStatus();
    boolean inProgress = status.phase() != null && status.phase().isInProgress();
    boolean ended = status.phase() != null && status.phase().isTerminal()
        && ft.getMetadata().getGeneration().equals(status.observedGeneration());
    Optional<StageStatus> running = status.stages().stream()
        .filter(s -> inProgress && s.phase() == StagePhase.RUNNING).findFirst();
    running.flatMap(s -> uncached(ft, s, jobs)).ifPresent(jobs::add);

    Optional<ConfigMap> progressMap = context.getSecondaryResources(ConfigMap.class).stream()
        .filter(m -> m.getMetadata().getName().equals(Names.progress(ft)) && isOf(ft, m)).findFirst();
    return new Observation(List.copyOf(jobs), pods, former,
        ended || running.isPresent() ? Map.of() : claims(ft),
        ended || inProgress && !(running.isEmpty() && snapshotLost(ft)) ? ConfigSource.none() : config(ft),
        running.map(s -> warnings.about(ft, s, jobs, pods, uids(allJobs, allPods), now)).orElse(Map.of()),
        progressMap.map(m -> Progress.parse(m.getData()).ofRun(ft.getMetadata().getUid())).orElse(Progress.none()),
        progressMap.isPresent());
  }

  /** Whether it is there and has its finalizer, as the API server says, which the cache may not know yet. */
  public boolean isHeld(FlowTraining ft) {
    FlowTraining now = client.resources(FlowTraining.class).inNamespace(ft.getMetadata().getNamespace())
        .withName(ft.getMetadata().getName()).get();
    return now != null && now.getMetadata().getUid().equals(ft.getMetadata().getUid())
        && now.hasFinalizer(CleanUpJob.FINALIZER);
  }

  /** The Job that tidies up; asked for, since only few FlowTrainings have one, and each but once. */
  public Optional<CleanUpView> cleanUp(FlowTraining ft) {
    String namespace = ft.getMetadata().getNamespace();
    Job job = client.batch().v1().jobs().inNamespace(namespace).withName(Names.cleanUp(ft)).get();
    return Optional.ofNullable(job).filter(j -> isOf(ft, j)).map(j -> Views.cleanUp(j, client.pods()
        .inNamespace(namespace).withLabel("batch.kubernetes.io/job-name", Names.cleanUp(ft)).list().getItems()));
  }

  private static Map<String, String> uids(Set<Job> jobs, Set<Pod> pods) {
    return Stream.concat(jobs.stream(), pods.stream()).map(HasMetadata::getMetadata)
        .collect(Collectors.toMap(ObjectMeta::getName, ObjectMeta::getUid, (a, b) -> b));
  }

  private static boolean isOf(FlowTraining ft, HasMetadata object) {
    return ft.getMetadata().getUid().equals(object.getMetadata().getLabels().get(Names.RUN_ID));
  }

  /** A Job that was just created may not be in the cache yet: before it counts as deleted the API server is asked. */
  private Optional<JobView> uncached(FlowTraining ft, StageStatus stage, List<JobView> cached) {
    if (cached.stream().anyMatch(j -> j.name().equals(stage.jobName()))) {
      return Optional.empty();
    }
    Job job = client.batch().v1().jobs().inNamespace(ft.getMetadata().getNamespace()).withName(stage.jobName()).get();
    return Optional.ofNullable(job).filter(j -> isOf(ft, j)).map(Views::job);
  }

  private Map<String, ClaimView> claims(FlowTraining ft) {
    FlowTrainingSpec spec = ft.getSpec();
    List<String> names = new ArrayList<>();
    boolean readsAudio = Stage.inOrder().stream().anyMatch(s -> s.readsAudio() && spec.stages().contains(s));
    if (readsAudio && spec.data() != null) {
      names.add(spec.data().volume().persistentVolumeClaim().claimName());
    }
    if (spec.workspace().volume().persistentVolumeClaim() != null) {
      names.add(spec.workspace().volume().persistentVolumeClaim().claimName());
    }
    if (spec.models().volume() != null) {
      names.add(spec.models().volume().persistentVolumeClaim().claimName());
    }
    Map<String, ClaimView> views = new LinkedHashMap<>();
    for (String name : names) {
      PersistentVolumeClaim claim =
          client.persistentVolumeClaims().inNamespace(ft.getMetadata().getNamespace()).withName(name).get();
      views.put(name, new ClaimView(name, claim != null, claim == null ? List.of() : claim.getSpec().getAccessModes()));
    }
    return views;
  }

  /** What a ConfigMap held when the run began is nowhere else. */
  private boolean snapshotLost(FlowTraining ft) {
    return ft.getSpec().config().configMapRef() != null && client.configMaps()
        .inNamespace(ft.getMetadata().getNamespace()).withName(ConfigSnapshot.name(ft)).get() == null;
  }

  private ConfigSource config(FlowTraining ft) {
    String inline = ft.getSpec().config().inline();
    ConfigMapReference ref = ft.getSpec().config().configMapRef();
    if (ref == null) {
      return new ConfigSource(Optional.ofNullable(inline), Optional.empty());
    }
    ConfigMap map = client.configMaps().inNamespace(ft.getMetadata().getNamespace()).withName(ref.name()).get();
    if (map == null) {
      return new ConfigSource(Optional.empty(), Optional.of("ConfigMap '" + ref.name()
          + "' of spec.config.configMapRef does not exist in this namespace: create it, and the run goes on"));
    }
    String text = map.getData().get(ref.key());
    return text == null
        ? new ConfigSource(Optional.empty(), Optional.of("ConfigMap '" + ref.name() + "' has no key '" + ref.key()
            + "': add it, or name another one in spec.config.configMapRef.key"))
        : new ConfigSource(Optional.of(text), Optional.empty());
  }
}
