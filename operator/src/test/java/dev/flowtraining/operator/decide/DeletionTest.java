package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.complete;
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
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.observe.CleanUpView;
import dev.flowtraining.operator.observe.Observation;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DeletionTest {

  private final FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RUNNING, 1);

  @BeforeEach
  void isDeleted() {
    ft.getMetadata().setDeletionTimestamp(NOW.toString());
    ft.setStatus(ft.getStatus().withShown(Stage.TRAIN, "0%"));
  }

  private Decision decide(Observation seen, CleanUpView job, Instant now) {
    return Deletion.decide(ft, seen, Optional.ofNullable(job), now);
  }

  private static CleanUpView job(boolean complete, boolean failed, String problem) {
    return new CleanUpView(NOW, complete, failed, problem);
  }

  @Test
  void nothingIsRemovedWhileSomethingMayWrite() {
    assertThat(decide(seeing(List.of(TRAIN), List.of(pod(TRAIN, 0, running()))), null, NOW))
        .isEqualTo(new Decision.TearDown(Stage.TRAIN, List.of("demo-train-1")));
    Observation going = seeing(List.of(), List.of(deleted(pod(TRAIN, 0, running()), NOW)));
    assertThat(decide(going, null, NOW)).isInstanceOfSatisfying(Decision.CleanUp.class, c -> {
      assertThat(c.start()).isFalse();
      assertThat(c.message()).contains("waiting until pod demo-train-1-0 on node node-0 is gone");
    });
    assertThat(decide(going, null, NOW.plus(Duration.ofHours(1))))
        .as("on a node that does not answer").isEqualTo(new Decision.TearDown(Stage.TRAIN, List.of(),
            List.of("demo-train-1-0")));
    assertThat(decide(seeing(List.of(complete(Samples.job(Stage.PARQUET, 1))), List.of()), null, NOW))
        .isInstanceOfSatisfying(Decision.CleanUp.class, c -> assertThat(c.start()).isTrue());
  }

  @Test
  void itGoesWhenTheJobIsDone() {
    assertThat(decide(nothing(), job(false, false, ""), NOW)).isInstanceOfSatisfying(Decision.CleanUp.class,
        c -> assertThat(c.start()).isFalse());
    assertThat(decide(nothing(), job(true, false, ""), NOW)).isEqualTo(new Decision.Release(""));
  }

  @Test
  void itGoesWhenTheJobFailsOrTakesTooLongAndSaysSo() {
    assertThat(decide(nothing(), job(false, true, "it is in use"), NOW)).isEqualTo(new Decision.Release("it is in use"));
    CleanUpView slow = job(false, false, "it is in use");
    assertThat(decide(nothing(), slow, NOW.plus(Deletion.PATIENCE).minusMillis(1)))
        .isInstanceOfSatisfying(Decision.CleanUp.class, c -> assertThat(c.message()).endsWith("it is in use"));
    assertThat(decide(nothing(), slow, NOW.plus(Deletion.PATIENCE)))
        .isEqualTo(new Decision.Release("not done within 10 minutes: it is in use"));
  }

  @Test
  void aJobThatIsRefusedIsTriedForAWhileAndInANamespaceThatGoesNotAtAll() {
    assertThat(Deletion.refused(ft, "exceeded quota", false, NOW)).isInstanceOfSatisfying(Decision.CleanUp.class, c -> {
      assertThat(c.message()).contains("exceeded quota");
      assertThat(c.recheck()).isAfter(NOW);
    });
    assertThat(Deletion.refused(ft, "exceeded quota", false, NOW.plus(Deletion.PATIENCE)))
        .isEqualTo(new Decision.Release("exceeded quota"));
    assertThat(Deletion.refused(ft, "is being terminated", true, NOW))
        .isEqualTo(new Decision.Release("is being terminated"));
  }
}
