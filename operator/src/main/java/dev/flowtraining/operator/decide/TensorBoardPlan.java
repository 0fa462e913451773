package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.api.v1alpha1.TensorBoardState;
import dev.flowtraining.operator.build.Mounts;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.TensorBoardView;
import java.util.Optional;

/**
 * Whether and where there is a TensorBoard. It must never keep a stage from its volume: on one that a single node can
 * mount it is only where, and as long as, a training pod holds the volume anyway; from one that a single pod can mount
 * it stays away.
 *
 * @param state empty where none is asked for
 * @param message how to reach it, or why it is not there
 */
public record TensorBoardPlan(Place place, Optional<TensorBoardState> state, String message) {

  /** Where its pod may run. */
  public enum Place {
    NOWHERE,
    ANY_NODE,
    NODE_OF_TRAINING
  }

  /** @param decision what this reconcile does with the run */
  public static TensorBoardPlan of(FlowTraining ft, Decision decision, Observation seen, TensorBoardView there) {
    if (ft.getSpec().tensorBoard() == null || ft.isMarkedForDeletion()) {
      return new TensorBoardPlan(Place.NOWHERE, Optional.empty(), "");
    }
    if (decision instanceof Decision.Expire || ft.getStatus().run().childrenDeletedTime() != null) {
      return absent(TensorBoardState.EXPIRED, "ttlAfterFinished is over");
    }
    String claim = "claim " + Mounts.workspaceClaim(ft);
    return switch (there.workspace()) {
      case UNKNOWN -> absent(TensorBoardState.WAITING, "it begins when the " + claim + " is bound");
      case ALL_NODES -> present(ft, Place.ANY_NODE, there);
      case ONE_NODE -> trains(ft, decision, seen) ? present(ft, Place.NODE_OF_TRAINING, there)
          : absent(TensorBoardState.ONLY_WHILE_TRAINING, "the " + claim + " is ReadWriteOnce, for one node at a time: "
              + "so that no stage waits for it, it is there only while training runs; with a ReadWriteMany workspace "
              + "it stays");
      case ONE_POD -> absent(TensorBoardState.NOT_SHAREABLE, "the " + claim + " is ReadWriteOncePod, for one pod at a "
          + "time: use a workspace that is ReadWriteMany (or ReadWriteOnce, to watch training only)");
    };
  }

  /** The API server did not take it. */
  public TensorBoardPlan refused(String why) {
    return absent(TensorBoardState.REFUSED, why);
  }

  private static TensorBoardPlan absent(TensorBoardState state, String message) {
    return new TensorBoardPlan(Place.NOWHERE, Optional.of(state), message);
  }

  private static TensorBoardPlan present(FlowTraining ft, Place place, TensorBoardView there) {
    String namespace = "kubectl -n " + ft.getMetadata().getNamespace();
    return there.ready()
        ? new TensorBoardPlan(place, Optional.of(TensorBoardState.READY), namespace + " port-forward svc/"
            + Names.tensorBoard(ft) + " 6006, then http://localhost:6006")
        : new TensorBoardPlan(place, Optional.of(TensorBoardState.STARTING), "its pod does not answer yet; if it stays "
            + "so: " + namespace + " describe rs,pods -l " + Names.NAME + "=" + ft.getMetadata().getName() + ","
            + Names.COMPONENT + "=" + Names.TENSORBOARD);
  }

  /** Whether a training pod holds the volume, and will for a while. */
  private static boolean trains(FlowTraining ft, Decision decision, Observation seen) {
    StageStatus train = ft.getStatus().of(Stage.TRAIN);
    return decision instanceof Decision.Wait && train.phase() == StagePhase.RUNNING
        && seen.pods(Stage.TRAIN, StageStep.WHOLE, train.attempt()).stream()
            .anyMatch(p -> !p.terminal() && p.deletionRequested().isEmpty() && p.working());
  }
}
