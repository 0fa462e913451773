package dev.flowtraining.operator.decide;

import static dev.flowtraining.operator.Samples.NOW;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Backoff;
import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.RestartPolicy;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.observe.Failure;
import dev.flowtraining.operator.observe.Failure.Cause;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RetryPolicyTest {

  private static final RestartPolicy POLICY = new RestartPolicy(3, 2, new Backoff("10s", 2.0, "35s"), true, null);

  @ParameterizedTest
  @CsvSource({"1, RETRYABLE", "2, PERMANENT", "3, RETRYABLE", "64, PERMANENT", "65, PERMANENT", "66, PERMANENT",
      "75, RETRYABLE", "134, RETRYABLE", "137, RETRYABLE", "139, RETRYABLE", "143, RETRYABLE"})
  void exitCodesHaveClasses(int code, FailureClass expected) {
    assertThat(RetryPolicy.classify(exited(code, 1), null)).isEqualTo(expected);
  }

  @Test
  void whatKubernetesDoesNotGiveCountsAsWhatItTakesAway() {
    assertThat(RetryPolicy.classify(failure(Cause.NOT_STARTED, null, "Unschedulable", 1), null))
        .isEqualTo(FailureClass.DISRUPTION);
  }

  @Test
  void memoryIsTriedOnceMore() {
    Failure first = failure(Cause.OOM_KILLED, 137, "OOMKilled", 1);
    Failure second = failure(Cause.OOM_KILLED, 137, "OOMKilled", 2);
    Failure later = failure(Cause.OOM_KILLED, 137, "OOMKilled", 7);
    assertThat(RetryPolicy.classify(first, null)).isEqualTo(FailureClass.RETRYABLE);
    assertThat(RetryPolicy.classify(second, first.details())).isEqualTo(FailureClass.PERMANENT);
    assertThat(RetryPolicy.classify(later, first.details())).isEqualTo(FailureClass.RETRYABLE);
  }

  @Test
  void theWaitGrowsToItsMaximum() {
    assertThat(POLICY.backoff().before(1)).isEqualTo(Duration.ofSeconds(10));
    assertThat(POLICY.backoff().before(2)).isEqualTo(Duration.ofSeconds(20));
    assertThat(POLICY.backoff().before(3)).isEqualTo(Duration.ofSeconds(35));
    assertThat(POLICY.backoff().before(5000)).isEqualTo(Duration.ofSeconds(35));
  }

  @Test
  void eachClassHasItsOwnBudget() {
    StageStatus spent = restarted(3, 0);
    assertThat(RetryPolicy.verdict(POLICY, spent, exited(1, 4), null)).isInstanceOf(RetryPolicy.GiveUp.class);
    assertThat(RetryPolicy.verdict(POLICY, spent, failure(Cause.DISRUPTED, null, "EvictionByEvictionAPI", 4), null))
        .isEqualTo(new RetryPolicy.Again(FailureClass.DISRUPTION));
    assertThat(RetryPolicy.verdict(POLICY, restarted(0, 2), failure(Cause.DISRUPTED, null, "x", 3), null))
        .isInstanceOfSatisfying(RetryPolicy.GiveUp.class, g -> assertThat(g.message()).contains("maxDisruptions"));
    assertThat(RetryPolicy.verdict(POLICY, restarted(1, 2), exited(75, 4), null))
        .isEqualTo(new RetryPolicy.Again(FailureClass.RETRYABLE));
  }

  @Test
  void theBackOffGrowsWithFailuresOfItsClass() {
    assertThat(RetryPolicy.backOff(POLICY, restarted(2, 1), exited(1, 4).details().countingAs(FailureClass.RETRYABLE)))
        .isEqualTo(Duration.ofSeconds(20));
    assertThat(RetryPolicy.backOff(POLICY, restarted(2, 1),
        failure(Cause.DISRUPTED, null, "x", 4).details().countingAs(FailureClass.DISRUPTION)))
        .isEqualTo(Duration.ofSeconds(10));
    assertThat(RetryPolicy.backOff(POLICY, restarted(0, 0), null)).as("a checkpoint came meanwhile")
        .isEqualTo(Duration.ofSeconds(10));
  }

  @Test
  void theJobOfShardsHasUsedUpTheBudgetItself() {
    assertThat(RetryPolicy.verdictOfShards(POLICY, restarted(0, 0), exited(1, 1))).isInstanceOfSatisfying(
        RetryPolicy.GiveUp.class, g -> assertThat(g.message()).contains("after 3 restarts (restartPolicy.maxRestarts)"));
    assertThat(RetryPolicy.verdictOfShards(POLICY, restarted(0, 0), exited(64, 1)))
        .isEqualTo(new RetryPolicy.GiveUp(FailureClass.PERMANENT, "Reason: m"));
    assertThat(RetryPolicy.verdictOfShards(POLICY, restarted(0, 0), failure(Cause.JOB_DELETED, null, "JobDeleted", 1)))
        .isInstanceOf(RetryPolicy.Again.class);
  }

  private static StageStatus restarted(int restarts, int disruptions) {
    return new StageStatus(Stage.TRAIN, StagePhase.RUNNING, null, null, null, null, restarts + disruptions + 1, restarts,
        disruptions, restarts, disruptions, null, null, null, null, null);
  }

  private static Failure exited(int code, int attempt) {
    return failure(Cause.EXITED, code, "Reason", attempt);
  }

  private static Failure failure(Cause cause, Integer code, String reason, int attempt) {
    return new Failure(cause, new LastFailure("train", attempt, 0, "n", code, reason, "m", NOW.toString()), NOW);
  }
}
