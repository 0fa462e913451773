package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.deleted;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.running;
import static dev.flowtraining.operator.Samples.seeing;
import static dev.flowtraining.operator.decide.Runs.TRAIN;
import static dev.flowtraining.operator.decide.Runs.inRun;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.api.v1alpha1.TensorBoardState;
import dev.flowtraining.operator.decide.TensorBoardPlan.Place;
import dev.flowtraining.operator.observe.ContainerView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.TensorBoardView;
import dev.flowtraining.operator.observe.TensorBoardView.Reach;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorBoardPlanTest {

  private static final Decision WAIT = new Decision.Wait(Stage.TRAIN, "", "", Optional.empty());
  private static final Observation AT_WORK = seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running())));

  private final FlowTraining ft =
      inRun("tensorBoard: {}\n", Stage.TRAIN, StageStep.WHOLE, StagePhase.RUNNING, 1);

  private TensorBoardPlan plan(Decision decision, Observation seen, Reach workspace) {
    return TensorBoardPlan.of(ft, decision, seen, there(workspace, false));
  }

  private static TensorBoardView there(Reach workspace, boolean ready) {
    return new TensorBoardView(Optional.empty(), Optional.empty(), ready, workspace, List.of());
  }

  private static void isAbsent(TensorBoardPlan plan, TensorBoardState why) {
    assertThat(plan.place()).isEqualTo(Place.NOWHERE);
    assertThat(plan.state()).contains(why);
    assertThat(plan.message()).isNotEmpty();
  }

  @ParameterizedTest
  @EnumSource(Phase.class)
  void onASharedWorkspaceItIsThereWhateverTheRunDoes(Phase phase) {
    ft.setStatus(ft.getStatus().withPhase(phase));
    TensorBoardPlan plan = plan(new Decision.Idle(), nothing(), Reach.ALL_NODES);
    assertThat(plan.place()).isEqualTo(Place.ANY_NODE);
    assertThat(plan.state()).contains(TensorBoardState.STARTING);
    assertThat(TensorBoardPlan.of(ft, WAIT, nothing(), there(Reach.ALL_NODES, true)).message())
        .isEqualTo("kubectl -n speech port-forward svc/demo-tensorboard 6006, then http://localhost:6006");
  }

  @Test
  void aClaimThatWaitsForItsFirstPodIsLeftToTheStages() {
    isAbsent(plan(WAIT, AT_WORK, Reach.UNKNOWN), TensorBoardState.WAITING);
  }

  @Test
  void onAVolumeOfOneNodeItIsThereOnlyWhileATrainingPodHoldsIt() {
    assertThat(plan(WAIT, AT_WORK, Reach.ONE_NODE).place()).isEqualTo(Place.NODE_OF_TRAINING);
    Observation starting = seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, new ContainerView.Waiting("", ""))));
    Observation going = seeing(List.of(TRAIN), List.of(deleted(pod(TRAIN, 0, running()), NOW)));
    for (Observation seen : List.of(nothing(), starting, going)) {
      isAbsent(plan(WAIT, seen, Reach.ONE_NODE), TensorBoardState.ONLY_WHILE_TRAINING);
    }
    isAbsent(plan(new Decision.Complete(Stage.TRAIN), AT_WORK, Reach.ONE_NODE), TensorBoardState.ONLY_WHILE_TRAINING);
    ft.setStatus(ft.getStatus().withPhase(Phase.SUCCEEDED).with(ft.getStatus().of(Stage.TRAIN)
        .withPhase(StagePhase.SUCCEEDED)));
    isAbsent(plan(WAIT, AT_WORK, Reach.ONE_NODE), TensorBoardState.ONLY_WHILE_TRAINING);
  }

  @Test
  void onAVolumeOfOnePodItIsNeverThere() {
    isAbsent(plan(WAIT, AT_WORK, Reach.ONE_POD), TensorBoardState.NOT_SHAREABLE);
  }

  @Test
  void itGoesWithTheOtherChildren() {
    isAbsent(plan(new Decision.Expire(false), nothing(), Reach.ALL_NODES), TensorBoardState.EXPIRED);
    ft.setStatus(ft.getStatus().withRun(ft.getStatus().run().childrenDeleted(NOW.toString())));
    isAbsent(plan(new Decision.Idle(), nothing(), Reach.ALL_NODES), TensorBoardState.EXPIRED);
  }

  @Test
  void nothingIsToldOfOneThatIsNotAskedForOrGoes() {
    ft.getMetadata().setDeletionTimestamp(NOW.toString());
    TensorBoardPlan none = new TensorBoardPlan(Place.NOWHERE, Optional.empty(), "");
    assertThat(plan(WAIT, AT_WORK, Reach.ALL_NODES)).isEqualTo(none);
    assertThat(TensorBoardPlan.of(Samples.cpu(), WAIT, AT_WORK, there(Reach.UNKNOWN, false))).isEqualTo(none);
  }
}
