package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.decide.Decision.Start;
import dev.flowtraining.operator.decide.RetryPolicy;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobBuilder;
import java.util.List;
import java.util.Map;

/**
 * The Job of a stage other than training: one pod, tried once. Retries are the operator's, with its budgets.
 *
 * <p>Shards are another matter. Nobody waits for a lost one, so nobody else has to stop: the Job controller replaces its
 * pod alone, at once and while the operator is away. The budgets are the same: restartPolicy.maxRestarts for each shard,
 * what Kubernetes takes away does not count (the pod goes on where it was, so little is lost), and a permanent exit code
 * or a shard at the end of its budget ends the whole Job.
 */
final class StageJob {

  private static final String CONTAINER = "stage";

  private StageJob() {
  }

  static Job of(FlowTraining ft, Start start, String image, boolean configMap) {
    StagePod pod = new StagePod(ft, start, image, configMap);
    int gpus = StageArguments.gpus(ft.getSpec(), start);
    Map<String, String> devices = gpus == 0 ? Map.of()
        : Map.of(ft.getSpec().training().gpuResourceName(), Integer.toString(gpus));
    int shards = ft.getSpec().parallelism(start.stage());
    boolean shared = start.step() == StageStep.SHARDS;
    // beside JOB_COMPLETION_INDEX, which the Job controller sets
    Map<String, String> env = shared ? Map.of("FLOWTRAINING_SHARDS", Integer.toString(shards)) : Map.of();
    PodTemplateSpec template = pod.withContainers(
        List.of(pod.container(CONTAINER, env, pod.resources(), devices, true)));
    return shared
        ? eachAlone(job(ft, start, "Indexed", shards, template), ft.getSpec())
        : job(ft, start, "NonIndexed", 1, template);
  }

  private static Job eachAlone(Job job, FlowTrainingSpec spec) {
    return new JobBuilder(job).editSpec()
        .withBackoffLimit(null)
        .withBackoffLimitPerIndex(spec.restartPolicy().maxRestarts())
        .withMaxFailedIndexes(0)
        .withNewPodFailurePolicy()
        .addNewRule().withAction("Ignore").addNewOnPodCondition("True", "DisruptionTarget").endRule()
        .addNewRule().withAction("FailJob").withNewOnExitCodes()
        .withContainerName(CONTAINER).withOperator("In").withValues(RetryPolicy.PERMANENT_CODES).endOnExitCodes().endRule()
        .endPodFailurePolicy()
        .endSpec().build();
  }

  /** What a stage's Job and the training set have in common. */
  static Job job(FlowTraining ft, Start start, String mode, int pods, PodTemplateSpec template) {
    return Queue.of(ft, start, bare(ft, start, mode, pods, template));
  }

  private static Job bare(FlowTraining ft, Start start, String mode, int pods, PodTemplateSpec template) {
    return new JobBuilder()
        .withNewMetadata()
        .withName(Names.job(ft, start.stage(), start.step(), start.attempt()))
        .withNamespace(ft.getMetadata().getNamespace())
        .withLabels(Names.labels(ft, start.stage(), start.step(), start.attempt()))
        .withAnnotations(template.getMetadata().getAnnotations())
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
