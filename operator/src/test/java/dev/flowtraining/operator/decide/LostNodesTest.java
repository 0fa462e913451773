package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.cpu;
import static dev.flowtraining.operator.Samples.deleted;
import static dev.flowtraining.operator.Samples.job;
import static dev.flowtraining.operator.Samples.nothing;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.running;
import static dev.flowtraining.operator.Samples.seeing;
import static dev.flowtraining.operator.decide.Runs.TRAIN;
import static dev.flowtraining.operator.decide.Runs.decide;
import static dev.flowtraining.operator.decide.Runs.inRun;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.ConfigSource;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.Observation.Former;
import dev.flowtraining.operator.observe.PodView;
import dev.flowtraining.operator.observe.Progress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Nodes that do not answer, and the pods on them. */
class LostNodesTest {

  /** The default of restartPolicy.nodeLostTimeout. */
  private static final Duration NODE_LOST = Duration.ofMinutes(3);

  @Test
  void aPodOnALostNodeIsDeletedByForce() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RESTARTING, 1);
    PodView gone = deleted(pod(TRAIN, 1, running()), NOW.minusSeconds(61));
    assertThat(decide(ft, seeing(List.of(), List.of(gone)))).isInstanceOfSatisfying(Decision.Wait.class,
        w -> assertThat(w.message()).contains("pod demo-train-1-1 on node node-1 (the node does not answer"));
    Instant later = NOW.minusSeconds(1).plus(NODE_LOST);
    Decision byForce = new Decision.TearDown(Stage.TRAIN, List.of(), List.of("demo-train-1-1"));
    assertThat(StageMachine.decide(ft, seeing(List.of(), List.of(gone)), later)).isEqualTo(byForce);
    assertThat(StageMachine.decide(ft, seeing(List.of(), List.of(pod(TRAIN, 0, running()))), later))
        .as("one that nobody deletes").isInstanceOf(Decision.Wait.class);
    Observation former = new Observation(List.of(), List.of(), List.of(new Former(gone.where(), Optional.of(gone))),
        nothing().claims(), ConfigSource.none(), Map.of(), Progress.none(), true);
    assertThat(StageMachine.decide(cpu(), former, later)).isInstanceOfSatisfying(Decision.TearDown.class,
        d -> assertThat(d.lostPods()).containsExactly("demo-train-1-1"));
  }

  @Test
  void aNodeThatIsKnownToBeSilentIsNotWaitedForTwice() {
    FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RESTARTING, 1);
    PodView gone = deleted(pod(TRAIN, 1, running()), NOW).onNodeLostSince(NOW.minus(Duration.ofMinutes(2)));
    assertThat(decide(ft, seeing(List.of(), List.of(gone)))).isInstanceOfSatisfying(Decision.Wait.class,
        w -> assertThat(w.message()).contains("deleted by force at " + NOW.plusSeconds(60)));
    assertThat(StageMachine.decide(ft, seeing(List.of(), List.of(gone)), NOW.plusSeconds(60)))
        .isEqualTo(new Decision.TearDown(Stage.TRAIN, List.of(), List.of("demo-train-1-1")));
  }

  @Test
  void aPodOnASilentNodeIsGivenUp() {
    FlowTraining ft = inRun(Stage.PARQUET, StagePhase.RUNNING, 1);
    JobView parquet = job(Stage.PARQUET, 1);
    Observation seen = seeing(List.of(parquet), List.of(pod(parquet, 0, running()).onNodeLostSince(NOW)));
    assertThat(decide(ft, seen)).isInstanceOfSatisfying(Decision.Wait.class, w -> {
      assertThat(w.reason()).isEqualTo("NodeNotReady");
      assertThat(w.recheck()).contains(NOW.plus(NODE_LOST));
    });
    assertThat(StageMachine.decide(ft, seen, NOW.plus(NODE_LOST))).isInstanceOfSatisfying(Decision.Restart.class,
        r -> {
          assertThat(r.failureClass()).isEqualTo(FailureClass.DISRUPTION);
          assertThat(r.failure().details().reason()).isEqualTo("NodeLost");
          assertThat(r.failure().details().node()).isEqualTo("node-0");
        });
  }

  @Test
  void aShardOnALostNodeIsDeletedByForceSoThatItIsReplaced() {
    JobView shards = job(Stage.PARQUET, StageStep.SHARDS, 1, 2);
    FlowTraining ft = inRun("stageOverrides: [{stage: parquet, parallelism: 2}]", Stage.PARQUET, StageStep.SHARDS,
        StagePhase.RUNNING, 1);
    Observation seen = seeing(List.of(shards), List.of(pod(shards, 0, running()), deleted(pod(shards, 1, running()), NOW)));
    assertThat(decide(ft, seen)).isInstanceOf(Decision.Wait.class);
    assertThat(StageMachine.decide(ft, seen, NOW.plus(Duration.ofHours(1))))
        .isEqualTo(new Decision.TearDown(Stage.PARQUET, List.of(), List.of(shards.name() + "-1")));
  }
}
