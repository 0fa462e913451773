package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.decide.Decision.Start;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobBuilder;
import java.util.List;
import java.util.Map;

/** The Job of a stage other than training: one pod, tried once. Retries are the operator's, with its budgets. */
final class StageJob {

  private StageJob() {
  }

  static Job of(FlowTraining ft, Start start, String image, boolean configMap) {
    StagePod pod = new StagePod(ft, start, image, configMap);
    return job(ft, start, "NonIndexed", 1, pod.withContainers(
        List.of(pod.container("stage", Map.of(), pod.resources(), Map.of(), true))));
  }

  /** What a stage's Job and the training set have in common. */
  static Job job(FlowTraining ft, Start start, String mode, int pods, PodTemplateSpec template) {
    return new JobBuilder()
        .withNewMetadata()
        .withName(Names.job(ft, start.stage(), start.attempt()))
        .withNamespace(ft.getMetadata().getNamespace())
        .withLabels(Names.labels(ft, start.stage(), start.attempt()))
        .withOwnerReferences(Owner.of(ft))
        .endMetadata()
        .withNewSpec()
        .withCompletionMode(mode)
        .withCompletions(pods)
        .withParallelism(pods)
        .withBackoffLimit(0)
        // the Job fails only when a pod has ended: a pod that somebody deletes is seen before those that follow from it
        .withPodReplacementPolicy("Failed")
        .withTemplate(template)
        .endSpec()
        .build();
  }
}
