package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.running;
import static dev.flowtraining.operator.Samples.seeing;
import static dev.flowtraining.operator.Samples.unschedulable;
import static dev.flowtraining.operator.decide.Runs.TRAIN;
import static dev.flowtraining.operator.decide.Runs.inRun;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.observe.ConfigSource;
import dev.flowtraining.operator.observe.ContainerView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.PodView;
import dev.flowtraining.operator.observe.Progress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RendezvousWatchTest {

  /** The default of training.rendezvousTimeout, from when the first rank runs. */
  private static final Instant LATE =
      NOW.minusSeconds(30).plus(Duration.ofMinutes(10)).plus(RendezvousWatch.GRACE);

  private final FlowTraining ft = inRun(Stage.TRAIN, StagePhase.RUNNING, 1);

  @Test
  void aRankThatHasNoPlaceIsNamedWithTheSchedulersWords() {
    Observation seen = seen(pod(TRAIN, 0, running()), unschedulable(pod(TRAIN, 1), "0/3 nodes are available"));
    assertThat(StageMachine.decide(ft, seen, LATE.minusMillis(1))).isInstanceOfSatisfying(Decision.Wait.class,
        w -> assertThat(w.reason()).isEqualTo("Unschedulable"));
    assertThat(StageMachine.decide(ft, seen, LATE)).isInstanceOfSatisfying(Decision.Restart.class, r -> {
      assertThat(r.failureClass()).isEqualTo(FailureClass.DISRUPTION);
      assertThat(r.failure().details().reason()).isEqualTo("Unschedulable");
      assertThat(r.failure().details().rank()).isEqualTo(1);
      assertThat(r.failure().details().message()).isEqualTo("rank 1 did not start within training.rendezvousTimeout "
          + "10m of the others: pod demo-train-1-1: 0/3 nodes are available");
    });
  }

  @Test
  void soIsOneWhoseImageDoesNotComeAndOneWhosePodIsNotThere() {
    Observation pulling = seen(pod(TRAIN, 0, running()),
        pod(TRAIN, 1, new ContainerView.Waiting("ImagePullBackOff", "no such image")));
    assertThat(StageMachine.decide(ft, pulling, LATE)).isInstanceOfSatisfying(Decision.Restart.class, r -> {
      assertThat(r.failure().details().reason()).isEqualTo("ImagePullFailed");
      assertThat(r.failure().details().node()).isEqualTo("node-1");
      assertThat(r.failure().details().message()).contains("rank 1").contains("no such image");
    });
    assertThat(StageMachine.decide(ft, seen(pod(TRAIN, 1, running())), LATE))
        .isInstanceOfSatisfying(Decision.Restart.class, r -> {
          assertThat(r.failure().details().reason()).isEqualTo("RendezvousTimeout");
          assertThat(r.failure().details().rank()).isZero();
        });
  }

  @Test
  void aSetOfWhichNothingRunsIsWaitedFor() {
    Observation seen = seen(unschedulable(pod(TRAIN, 0), "0/3 nodes are available"),
        unschedulable(pod(TRAIN, 1), "0/3 nodes are available"));
    assertThat(StageMachine.decide(ft, seen, LATE.plus(Duration.ofDays(3)))).isInstanceOf(Decision.Wait.class);
  }

  @Test
  void ranksThatRunAndDoNotMeetAreStartedAgain() {
    Observation silent = seen(pod(TRAIN, 0, running()), pod(TRAIN, 1, running()));
    Observation started = reporting(silent, "");
    for (Observation seen : List.of(silent, started)) {
      assertThat(StageMachine.decide(ft, seen, LATE.minusMillis(1))).isInstanceOfSatisfying(Decision.Wait.class,
          w -> assertThat(w.recheck()).contains(LATE));
      assertThat(StageMachine.decide(ft, seen, LATE)).isInstanceOfSatisfying(Decision.Restart.class, r -> {
        assertThat(r.failureClass()).isEqualTo(FailureClass.RETRYABLE);
        assertThat(r.failure().details().reason()).isEqualTo("RendezvousTimeout");
        assertThat(r.failure().details().message()).contains("all 2 ranks run since " + NOW.minusSeconds(30));
      });
    }
    for (String met : List.of(",\"ranks\":2", ",\"step\":1")) {
      assertThat(StageMachine.decide(ft, reporting(silent, met), LATE)).as(met).isInstanceOf(Decision.Wait.class);
    }
  }

  private static Observation seen(PodView... pods) {
    return seeing(List.of(TRAIN), List.of(pods));
  }

  private static Observation reporting(Observation seen, String more) {
    Progress progress = Progress.parse(Map.of("progress.json", """
        {"stage":"train","attempt":1,"time":"%s","fraction":0%s}""".formatted(NOW, more)));
    return new Observation(seen.jobs(), seen.pods(), List.of(), seen.claims(), ConfigSource.none(), Map.of(), progress,
        true);
  }
}
