package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.Device;
import dev.flowtraining.operator.api.v1alpha1.EnvironmentVariable;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.PodTemplate;
import dev.flowtraining.operator.api.v1alpha1.Resources;
import dev.flowtraining.operator.api.v1alpha1.SecretReference;
import dev.flowtraining.operator.api.v1alpha1.StageOverride;
import dev.flowtraining.operator.api.v1alpha1.StageRange;
import dev.flowtraining.operator.api.v1alpha1.TolerationSpec;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import dev.flowtraining.operator.decide.Decision.Start;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
import io.fabric8.kubernetes.api.model.LocalObjectReference;
import io.fabric8.kubernetes.api.model.PodSecurityContext;
import io.fabric8.kubernetes.api.model.PodSecurityContextBuilder;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpecBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceRequirements;
import io.fabric8.kubernetes.api.model.ResourceRequirementsBuilder;
import io.fabric8.kubernetes.api.model.SecurityContext;
import io.fabric8.kubernetes.api.model.SecurityContextBuilder;
import io.fabric8.kubernetes.api.model.Toleration;
import io.fabric8.kubernetes.api.model.TolerationBuilder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What the pods of all stages have in common: the restricted profile, the user's template, volumes and environment. */
final class StagePod {

  private static final long USER = 1000;
  private static final long GRACE_SECONDS = 30;
  /** On SIGTERM training writes a checkpoint first. */
  private static final long TRAINING_GRACE_SECONDS = 60;

  private final FlowTraining ft;
  private final Start start;
  private final String image;
  private final boolean configMap;
  private final PodTemplate template;
  private final Optional<StageOverride> override;

  StagePod(FlowTraining ft, Start start, String image, boolean configMap) {
    this.ft = ft;
    this.start = start;
    this.image = image;
    this.configMap = configMap;
    this.template = ft.getSpec().template();
    this.override = ft.getSpec().overrideOf(start.stage());
  }

  PodTemplateSpec withContainers(List<Container> containers) {
    Map<String, String> labels = new TreeMap<>(template.labels());
    Map<String, String> annotations = new TreeMap<>(template.annotations());
    override.ifPresent(o -> {
      labels.putAll(o.labels());
      annotations.putAll(o.annotations());
    });
    labels.putAll(Names.labels(ft, start.stage(), start.step(), start.attempt()));
    return new PodTemplateSpecBuilder()
        .withNewMetadata().withLabels(labels).withAnnotations(annotations).endMetadata()
        .withNewSpec()
        .withRestartPolicy("Never")
        .withServiceAccountName(Names.progress(ft))
        .withAutomountServiceAccountToken(false)
        .withEnableServiceLinks(false)
        .withTerminationGracePeriodSeconds(start.stage().isTraining() ? TRAINING_GRACE_SECONDS : GRACE_SECONDS)
        .withSecurityContext(podSecurity())
        .withImagePullSecrets(template.imagePullSecrets().stream().map(StagePod::secret).toList())
        .withNodeSelector(new TreeMap<>(override.map(StageOverride::nodeSelector).filter(m -> !m.isEmpty())
            .orElse(template.nodeSelector())))
        .withTolerations(override.map(StageOverride::tolerations).filter(l -> !l.isEmpty())
            .orElse(template.tolerations()).stream().map(StagePod::toleration).toList())
        .withPriorityClassName(template.priorityClassName())
        .withSchedulerName(override.map(StageOverride::schedulerName).orElse(template.schedulerName()))
        .withInitContainers(start.withCheck() ? List.of(check()) : List.of())
        .withContainers(containers)
        .withVolumes(Mounts.volumes(ft, start.stage(), configMap))
        .endSpec().build();
  }

  /**
   * A container of the stage.
   *
   * @param reports whether it is the one that reports progress, and so the only one with a token
   */
  Container container(String name, Map<String, String> more, Resources resources, Map<String, String> devices,
      boolean reports) {
    Map<String, String> variables = environment();
    putRun(variables);
    variables.putAll(more);
    if (reports) {
      variables.put("FLOWTRAINING_PROGRESS_CONFIGMAP", Names.progress(ft));
    }
    return base(name, StageArguments.of(ft, start, hasConfigFile()), variables)
        .withResources(requirements(resources, devices))
        .withVolumeMounts(Mounts.mounts(ft, start.stage(), configMap, reports))
        .build();
  }

  /** What the stage's override, the training section or the template asks for, in this order. */
  Resources resources() {
    Resources general = start.stage().isTraining() && ft.getSpec().training().resources() != null
        ? ft.getSpec().training().resources() : template.resources();
    return override.map(StageOverride::resources).orElse(general);
  }

  /** The GPU of a rank. The check before training asks for it too: Kubernetes gives both the same one. */
  Map<String, String> devices() {
    TrainingSpec training = ft.getSpec().training();
    return trainsOnGpus() && !training.claimsDevices() ? Map.of(training.gpuResourceName(), "1") : Map.of();
  }

  private boolean trainsOnGpus() {
    return start.stage().isTraining() && ft.getSpec().training().device() == Device.CUDA;
  }

  private Container check() {
    return base("check", StageArguments.check(ft, start.stage(), hasConfigFile()), environment())
        .withResources(requirements(resources(), devices()))
        .withVolumeMounts(Mounts.mounts(ft, start.stage(), configMap, false))
        .build();
  }

  private ContainerBuilder base(String name, List<String> args, Map<String, String> variables) {
    return new ContainerBuilder()
        .withName(name)
        .withImage(image)
        .withImagePullPolicy(template.imagePullPolicy().id())
        .withCommand("flow-trainer")
        .withArgs(args.stream().map(StagePod::literal).toList())
        .withEnv(variables.entrySet().stream().map(e -> variable(e.getKey(), e.getValue())).toList())
        .withTerminationMessagePolicy("FallbackToLogsOnError")
        .withSecurityContext(containerSecurity());
  }

  /** What users ask for, and what the machine needs. */
  private Map<String, String> environment() {
    Map<String, String> env = new LinkedHashMap<>();
    template.env().forEach(v -> put(env, v));
    override.map(StageOverride::env).orElse(List.of()).forEach(v -> put(env, v));
    if (trainsOnGpus()) {
      env.putIfAbsent("NCCL_NVLS_ENABLE", "0"); // NVLink multicast breaks in containers (nccl#1788, #2077)
    }
    return env;
  }

  /** Which attempt of which run a stage is; the check is of none. */
  private void putRun(Map<String, String> env) {
    env.put("FLOWTRAINING_NAMESPACE", ft.getMetadata().getNamespace());
    env.put("FLOWTRAINING_NAME", ft.getMetadata().getName());
    env.put("FLOWTRAINING_RUN_ID", ft.getMetadata().getUid());
    env.put("FLOWTRAINING_ATTEMPT", Integer.toString(start.attempt()));
    StageRange stages = ft.getSpec().stages();
    stages.wish().filter(w -> stages.again().orElseThrow().number() <= start.stage().number())
        .ifPresent(wish -> env.put("FLOWTRAINING_RERUN", wish));
  }

  private boolean hasConfigFile() {
    return ft.getSpec().config().inline() != null || ft.getSpec().config().configMapRef() != null;
  }

  private static void put(Map<String, String> env, EnvironmentVariable variable) {
    env.put(variable.name(), variable.value() == null ? "" : variable.value());
  }

  private ResourceRequirements requirements(Resources resources, Map<String, String> devices) {
    ResourceRequirementsBuilder builder = new ResourceRequirementsBuilder();
    if (resources != null) {
      builder.withRequests(new TreeMap<>(resources.requests())).withLimits(new TreeMap<>(resources.limits()));
    }
    devices.forEach((name, count) -> builder.addToLimits(name, new Quantity(count)));
    if (trainsOnGpus() && ft.getSpec().training().claimsDevices()) {
      builder.withClaims(GpuClaims.ofContainer());
    }
    return builder.build();
  }

  static PodSecurityContext podSecurity() {
    return new PodSecurityContextBuilder()
        .withRunAsNonRoot(true).withRunAsUser(USER).withRunAsGroup(USER).withFsGroup(USER)
        .withFsGroupChangePolicy("OnRootMismatch")
        .withNewSeccompProfile().withType("RuntimeDefault").endSeccompProfile()
        .build();
  }

  static SecurityContext containerSecurity() {
    return new SecurityContextBuilder()
        .withAllowPrivilegeEscalation(false).withReadOnlyRootFilesystem(true)
        .withNewCapabilities().withDrop("ALL").endCapabilities()
        .build();
  }

  static LocalObjectReference secret(SecretReference secret) {
    return new LocalObjectReference(secret.name());
  }

  static Toleration toleration(TolerationSpec t) {
    return new TolerationBuilder().withKey(t.key()).withOperator(t.operator()).withValue(t.value())
        .withEffect(t.effect()).withTolerationSeconds(t.tolerationSeconds()).build();
  }

  private static EnvVar variable(String name, String value) {
    return new EnvVarBuilder().withName(name).withValue(literal(value)).build();
  }

  /** Kubernetes expands {@code $(NAME)} and makes {@code $$} one {@code $}: with each doubled a text comes as it is. */
  private static String literal(String text) {
    return text.replace("$", "$$");
  }
}
