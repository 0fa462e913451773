package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.PodTemplate;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageOverride;
import dev.flowtraining.operator.api.v1alpha1.TensorBoardSpec;
import dev.flowtraining.operator.api.v1alpha1.TolerationSpec;
import dev.flowtraining.operator.decide.TensorBoardPlan;
import dev.flowtraining.operator.decide.TensorBoardPlan.Place;
import dev.flowtraining.operator.observe.TensorBoardView;
import io.fabric8.kubernetes.api.model.Affinity;
import io.fabric8.kubernetes.api.model.AffinityBuilder;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.PodSecurityContextBuilder;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpecBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** TensorBoard over the run directory, read-only: a Deployment of one pod, and a Service to find it. */
public final class TensorBoard {

  private static final int PORT = 6006;
  /** It has nothing to save. */
  private static final long GRACE_SECONDS = 5;
  /** Its emptyDir would keep the autoscaler from giving back a node that nothing else needs. */
  private static final Map<String, String> MOVABLE = Map.of("cluster-autoscaler.kubernetes.io/safe-to-evict", "true");

  private static final KubernetesSerialization TEXT = new KubernetesSerialization();

  private TensorBoard() {
  }

  /**
   * What is to be applied since it is not there, or was made of something else; or to be deleted.
   *
   * @param image of a TensorBoard that names none
   */
  public static Children children(FlowTraining ft, TensorBoardPlan plan, TensorBoardView there, String image) {
    if (plan.place() == Place.NOWHERE) {
      List<HasMetadata> gone = Stream.concat(
          there.deployment().map(d -> new DeploymentBuilder().withMetadata(meta(ft)).build()).stream(),
          there.service().map(s -> new ServiceBuilder().withMetadata(meta(ft)).build()).stream())
          .map(HasMetadata.class::cast).toList();
      // by force: on a node that does not answer they would hold a volume that the next attempt needs elsewhere
      return new Children(List.of(), List.of(), List.of(), List.of(), there.pods(), gone);
    }
    List<HasMetadata> applied = Stream.concat(
        changed(deployment(ft, plan.place(), image), there.deployment()).stream(),
        changed(service(ft), there.service()).stream()).toList();
    return new Children(applied, List.of(), List.of(), List.of(), List.of(), List.of());
  }

  private static Optional<HasMetadata> changed(HasMetadata wanted, Optional<String> there) {
    String of = HexFormat.of().toHexDigits(TEXT.asYaml(wanted).hashCode());
    if (there.filter(of::equals).isPresent()) {
      return Optional.empty();
    }
    wanted.getMetadata().setAnnotations(Map.of(Names.MADE_OF, of));
    return Optional.of(wanted);
  }

  private static ObjectMeta meta(FlowTraining ft) {
    ObjectMeta meta = RunObjects.meta(ft, Names.tensorBoard(ft));
    meta.getLabels().put(Names.COMPONENT, Names.TENSORBOARD);
    return meta;
  }

  private static Deployment deployment(FlowTraining ft, Place place, String image) {
    return new DeploymentBuilder()
        .withMetadata(meta(ft))
        .withNewSpec()
        .withReplicas(1)
        .withRevisionHistoryLimit(1)
        // a second pod beside the first could be on another node
        .withNewStrategy().withType("Recreate").endStrategy()
        .withNewSelector().withMatchLabels(Names.tensorBoardPods(ft)).endSelector()
        .withTemplate(pod(ft, place, image))
        .endSpec()
        .build();
  }

  private static PodTemplateSpec pod(FlowTraining ft, Place place, String image) {
    TensorBoardSpec spec = ft.getSpec().tensorBoard();
    PodTemplate template = ft.getSpec().template();
    Optional<StageOverride> training =
        ft.getSpec().overrideOf(Stage.TRAIN).filter(o -> place == Place.NODE_OF_TRAINING);
    Map<String, String> nodes = !spec.nodeSelector().isEmpty() ? spec.nodeSelector() : template.nodeSelector();
    List<TolerationSpec> tolerations = !spec.tolerations().isEmpty() ? spec.tolerations()
        : training.map(StageOverride::tolerations).filter(l -> !l.isEmpty()).orElse(template.tolerations());
    return new PodTemplateSpecBuilder()
        .withNewMetadata().withLabels(meta(ft).getLabels()).withAnnotations(MOVABLE).endMetadata()
        .withNewSpec()
        .withAutomountServiceAccountToken(false)
        .withEnableServiceLinks(false)
        .withTerminationGracePeriodSeconds(GRACE_SECONDS)
        // without fsGroup: it changes nothing on the volume
        .withSecurityContext(new PodSecurityContextBuilder(StagePod.podSecurity())
            .withFsGroup(null).withFsGroupChangePolicy(null).build())
        .withImagePullSecrets(template.imagePullSecrets().stream().map(StagePod::secret).toList())
        .withNodeSelector(place == Place.ANY_NODE ? new TreeMap<>(nodes) : Map.of())
        .withTolerations(tolerations.stream().map(StagePod::toleration).toList())
        .withAffinity(place == Place.NODE_OF_TRAINING ? besideTraining(ft) : null)
        .withContainers(container(ft, spec.image() == null ? image : spec.image()))
        .withVolumes(Mounts.besideRun(ft))
        .endSpec().build();
  }

  private static Container container(FlowTraining ft, String image) {
    TensorBoardSpec spec = ft.getSpec().tensorBoard();
    return new ContainerBuilder()
        .withName(Names.TENSORBOARD)
        .withImage(image)
        .withCommand("tensorboard")
        .withArgs("--logdir", Mounts.runDirectory(ft) + "/tensorboard", "--port", Integer.toString(PORT), "--bind_all",
            "--window_title", ft.getMetadata().getName())
        // the user has no home, and nothing but /tmp can be written
        .addNewEnv().withName("HOME").withValue("/tmp").endEnv()
        .addNewPort().withName("http").withContainerPort(PORT).endPort()
        .withNewReadinessProbe()
        .withNewHttpGet().withPath("/").withNewPort("http").endHttpGet()
        .withPeriodSeconds(5).withTimeoutSeconds(5)
        .endReadinessProbe()
        .withNewResources()
        .withRequests(new TreeMap<>(spec.resources().requests())).withLimits(new TreeMap<>(spec.resources().limits()))
        .endResources()
        .withSecurityContext(StagePod.containerSecurity())
        .withVolumeMounts(Mounts.whenReading())
        .build();
  }

  /** Pending as long as there is no training pod. */
  private static Affinity besideTraining(FlowTraining ft) {
    Map<String, String> training = Names.labels(ft);
    training.put(Names.STAGE, Stage.TRAIN.id());
    return new AffinityBuilder().withNewPodAffinity()
        .addNewRequiredDuringSchedulingIgnoredDuringExecution()
        .withTopologyKey("kubernetes.io/hostname")
        .withNewLabelSelector().withMatchLabels(training).endLabelSelector()
        .endRequiredDuringSchedulingIgnoredDuringExecution()
        .endPodAffinity().build();
  }

  private static Service service(FlowTraining ft) {
    return new ServiceBuilder()
        .withMetadata(meta(ft))
        .withNewSpec()
        .withType("ClusterIP")
        .withSelector(Names.tensorBoardPods(ft))
        .addNewPort().withName("http").withPort(PORT).withNewTargetPort("http").endPort()
        .endSpec()
        .build();
  }
}
