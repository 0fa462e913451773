package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.build.Mounts;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.observe.TensorBoardView.Reach;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentStatus;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import java.util.List;
import java.util.Optional;

/** Caches → TensorBoardView. The claim is asked for until a TensorBoard is there: its place tells what that allows. */
public final class TensorBoardObserver {

  private final KubernetesClient client;

  public TensorBoardObserver(KubernetesClient client) {
    this.client = client;
  }

  public TensorBoardView observe(FlowTraining ft, Context<FlowTraining> context) {
    Optional<Deployment> deployment = own(ft, context, Deployment.class);
    Reach workspace = ft.getSpec().tensorBoard() == null ? Reach.UNKNOWN
        : deployment.map(TensorBoardObserver::placed).orElseGet(() -> claimed(ft));
    return new TensorBoardView(deployment.map(TensorBoardObserver::madeOf),
        own(ft, context, Service.class).map(TensorBoardObserver::madeOf),
        deployment.filter(TensorBoardObserver::ready).isPresent(), workspace,
        workspace == Reach.ONE_NODE && rests(ft) ? pods(ft) : List.of());
  }

  private static <R extends HasMetadata> Optional<R> own(FlowTraining ft, Context<FlowTraining> context,
      Class<R> type) {
    return context.getSecondaryResources(type).stream()
        .filter(o -> o.getMetadata().getName().equals(Names.tensorBoard(ft))
            && o.getMetadata().getDeletionTimestamp() == null
            && ft.getMetadata().getUid().equals(o.getMetadata().getLabels().get(Names.RUN_ID)))
        .findFirst();
  }

  private static String madeOf(HasMetadata object) {
    return object.getMetadata().getAnnotations().getOrDefault(Names.MADE_OF, "");
  }

  /** While a pod is replaced, the old one still counts as available for a moment. */
  private static boolean ready(Deployment deployment) {
    DeploymentStatus status = deployment.getStatus();
    return status != null && status.getAvailableReplicas() != null && status.getAvailableReplicas() > 0
        && status.getAvailableReplicas().equals(status.getUpdatedReplicas())
        && deployment.getMetadata().getGeneration().equals(status.getObservedGeneration());
  }

  private static Reach placed(Deployment deployment) {
    return deployment.getSpec().getTemplate().getSpec().getAffinity() == null ? Reach.ALL_NODES : Reach.ONE_NODE;
  }

  /** A claim that waits for its first pod is left alone: TensorBoard's would decide where all others have to run. */
  private Reach claimed(FlowTraining ft) {
    PersistentVolumeClaim claim = client.persistentVolumeClaims().inNamespace(ft.getMetadata().getNamespace())
        .withName(Mounts.workspaceClaim(ft)).get();
    if (claim == null || claim.getStatus() == null || !"Bound".equals(claim.getStatus().getPhase())) {
      return Reach.UNKNOWN;
    }
    List<String> modes = claim.getSpec().getAccessModes();
    return modes.contains("ReadWriteMany") ? Reach.ALL_NODES
        : modes.contains("ReadWriteOncePod") ? Reach.ONE_POD : Reach.ONE_NODE;
  }

  private static boolean rests(FlowTraining ft) {
    return ft.isMarkedForDeletion() || ft.getStatus().of(Stage.TRAIN).phase() != StagePhase.RUNNING;
  }

  private List<String> pods(FlowTraining ft) {
    return client.pods().inNamespace(ft.getMetadata().getNamespace()).withLabels(Names.tensorBoardPods(ft)).list()
        .getItems().stream().map(p -> p.getMetadata().getName()).toList();
  }
}
