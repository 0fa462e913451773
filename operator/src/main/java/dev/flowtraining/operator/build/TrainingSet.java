package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Placement;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import dev.flowtraining.operator.decide.Decision.Start;
import io.fabric8.kubernetes.api.model.Affinity;
import io.fabric8.kubernetes.api.model.AffinityBuilder;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Stage 4: an Indexed Job for each attempt, a container for each rank, and a headless Service for stable names. */
final class TrainingSet {

  private TrainingSet() {
  }

  static Job job(FlowTraining ft, Start start, String image, boolean configMap) {
    TrainingSpec training = ft.getSpec().training();
    StagePod pod = new StagePod(ft, start, image, configMap);
    List<Container> ranks = IntStream.range(0, training.gpusPerPod())
        .mapToObj(local -> pod.container("rank-" + local, Rendezvous.environment(ft, start.attempt(), local),
            pod.resources(), pod.devices(), local == 0))
        .toList();
    PodTemplateSpec template = pod.withContainers(ranks);
    template.getSpec().setSubdomain(Names.trainService(ft));
    if (training.claimsDevices()) {
      template.getSpec().setResourceClaims(GpuClaims.ofPod(ft));
      template.getSpec().setShareProcessNamespace(true);
    }
    if (training.placement() != null) {
      template.getSpec().setAffinity(together(ft, start, training.placement()));
    }
    return StageJob.job(ft, start, "Indexed", training.pods(), template);
  }

  /** Pods of one attempt at one place; the scheduler lets the first of them go anywhere. */
  private static Affinity together(FlowTraining ft, Start start, Placement placement) {
    return new AffinityBuilder().withNewPodAffinity()
        .addNewRequiredDuringSchedulingIgnoredDuringExecution()
        .withTopologyKey(placement.topologyKey())
        .withNewLabelSelector()
        .withMatchLabels(Names.labels(ft, start.stage(), start.step(), start.attempt()))
        .endLabelSelector()
        .endRequiredDuringSchedulingIgnoredDuringExecution()
        .endPodAffinity().build();
  }

  /** Publishes pods that are not ready: ranks look for each other before any of them is. */
  static Service service(FlowTraining ft) {
    Map<String, String> pods = new TreeMap<>(Names.labels(ft));
    pods.remove(Names.MANAGED_BY);
    pods.put(Names.STAGE, Stage.TRAIN.id());
    pods.put(Names.INDEX, "0"); // rank 0's name is the only one that is looked up; each more is written at every change
    return new ServiceBuilder()
        .withNewMetadata()
        .withName(Names.trainService(ft)).withNamespace(ft.getMetadata().getNamespace())
        .withLabels(Names.labels(ft)).withOwnerReferences(Owner.of(ft))
        .endMetadata()
        .withNewSpec()
        .withClusterIP("None").withPublishNotReadyAddresses(true).withSelector(pods)
        .addNewPort().withName("rendezvous").withPort(Rendezvous.PORT).endPort()
        .endSpec()
        .build();
  }
}
