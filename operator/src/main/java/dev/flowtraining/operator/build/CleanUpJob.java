package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.CachePolicy;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.RunRetention;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.WorkspaceSpec;
import dev.flowtraining.operator.decide.Decision.Start;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpecBuilder;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What no owner reference can clean: files on a claim that stays. The Job has no owner, since whoever deletes the
 * FlowTraining in the foreground deletes what it owns first; it goes by itself some time after its end.
 */
public final class CleanUpJob {

  /** On a FlowTraining that leaves files behind which are not to stay, and on no other. */
  public static final String FINALIZER = "flowtraining.dev/workspace";

  private static final int RETRIES = 4;
  private static final long SECONDS = 540;
  /** For the logs of one that failed. */
  private static final int KEPT_SECONDS = 3600;

  private CleanUpJob() {
  }

  /** Whether there will be something to clean. */
  public static boolean wanted(FlowTraining ft) {
    return ft.getSpec().workspace().retain() != RunRetention.ALL;
  }

  static Job of(FlowTraining ft, String image) {
    return new JobBuilder()
        .withNewMetadata()
        .withName(Names.cleanUp(ft)).withNamespace(ft.getMetadata().getNamespace()).withLabels(Names.labels(ft))
        .endMetadata()
        .withNewSpec()
        .withBackoffLimit(RETRIES)
        .withActiveDeadlineSeconds(SECONDS)
        .withTtlSecondsAfterFinished(KEPT_SECONDS)
        .withTemplate(pod(ft, image))
        .endSpec()
        .build();
  }

  /** Like a stage's, but without the run's service account and ConfigMaps: these may be gone already. */
  private static PodTemplateSpec pod(FlowTraining ft, String image) {
    StagePod stage = new StagePod(ft, new Start(Stage.EXPORT, 1, false, Optional.empty()), image, false);
    PodTemplateSpec like = stage.withContainers(List.of(container(ft, stage)));
    Map<String, String> labels = new TreeMap<>(ft.getSpec().template().labels());
    labels.putAll(Names.labels(ft));
    return new PodTemplateSpecBuilder(like)
        .editMetadata().withLabels(labels).endMetadata()
        .editSpec()
        .withServiceAccountName("default")
        .withVolumes(Mounts.besideRun(ft))
        .endSpec()
        .build();
  }

  private static Container container(FlowTraining ft, StagePod stage) {
    WorkspaceSpec workspace = ft.getSpec().workspace();
    List<String> args = new ArrayList<>(List.of("clean", "--run-dir", Mounts.runDirectory(ft)));
    if (workspace.retain() == RunRetention.ARTIFACTS) {
      args.add("--keep-artifacts");
    }
    if (workspace.cache() == CachePolicy.SHARED) {
      args.addAll(List.of("--cache", Mounts.cache(ft)));
    }
    return new ContainerBuilder(stage.container("clean", Map.of(), stage.resources(), Map.of(), false))
        .withArgs(args)
        .withVolumeMounts(Mounts.whenCleaning())
        .build();
  }
}
