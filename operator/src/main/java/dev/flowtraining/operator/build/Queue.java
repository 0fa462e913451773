package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.Device;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.decide.Decision.Start;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.batch.v1.JobBuilder;

/**
 * Kueue: a Job with the label of a queue is created suspended, and Kueue lets it go when there is quota. Only Jobs that
 * ask for GPUs queue, so that no quota is held while data is prepared.
 */
final class Queue {

  static final String LABEL = "kueue.x-k8s.io/queue-name";

  private Queue() {
  }

  static Job of(FlowTraining ft, Start start, Job job) {
    String queue = ft.getSpec().queueName();
    return queue == null || !asksForGpus(ft, start) ? job : new JobBuilder(job)
        .editMetadata().addToLabels(LABEL, queue).endMetadata()
        .editSpec().withSuspend(true).endSpec().build();
  }

  private static boolean asksForGpus(FlowTraining ft, Start start) {
    return start.stage().isTraining() ? ft.getSpec().training().device() == Device.CUDA
        : StageArguments.gpus(ft.getSpec(), start) > 0;
  }
}
