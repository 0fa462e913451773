package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.RestartPolicy;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.observe.ExitCode;
import dev.flowtraining.operator.observe.Failure;
import java.time.Duration;
import java.util.List;

/** Whether a failed stage is started again, and when. */
public final class RetryPolicy {

  /** Exit codes after which another attempt would end the same way. */
  public static final List<Integer> PERMANENT_CODES = List.of(ExitCode.USAGE.code(), ExitCode.BAD_DATA.code(),
      ExitCode.OUT_OF_MEMORY.code(), ExitCode.MISSING.code());

  private RetryPolicy() {
  }

  /** What becomes of the stage. */
  public sealed interface Verdict {
  }

  public record Again(FailureClass failureClass) implements Verdict {
  }

  /** The message says why there is no further attempt. */
  public record GiveUp(FailureClass failureClass, String message) implements Verdict {
  }

  /**
   * @param stage counters before this failure
   * @param previous the failure before this one, or null
   */
  public static Verdict verdict(RestartPolicy policy, StageStatus stage, Failure failure, LastFailure previous) {
    String what = failure.details().reason() + ": " + failure.details().message();
    FailureClass failureClass = classify(failure, previous);
    return switch (failureClass) {
      case PERMANENT -> new GiveUp(failureClass, what);
      case DISRUPTION -> stage.countedDisruptions() >= policy.maxDisruptions()
          ? new GiveUp(failureClass, "disrupted again after " + stage.countedDisruptions()
              + " restarts (restartPolicy.maxDisruptions): " + what)
          : new Again(failureClass);
      case RETRYABLE -> stage.countedRestarts() >= policy.maxRestarts()
          ? new GiveUp(failureClass, "failed again after " + stage.countedRestarts()
              + " restarts (restartPolicy.maxRestarts): " + what)
          : new Again(failureClass);
    };
  }

  /**
   * How long the next attempt waits once the failed one is gone: longer with each failure of its class in a row.
   *
   * @param stage counters with this failure
   * @param last the failure
   */
  static Duration backOff(RestartPolicy policy, StageStatus stage, LastFailure last) {
    boolean disruption = last != null && last.countsAs() == FailureClass.DISRUPTION;
    return policy.backoff().before(disruption ? stage.countedDisruptions() : stage.countedRestarts());
  }

  /** The Job of shards has used up the budget itself; one that somebody deleted is another matter. */
  static Verdict verdictOfShards(RestartPolicy policy, StageStatus stage, Failure failure) {
    if (failure.cause() == Failure.Cause.JOB_DELETED) {
      return verdict(policy, stage, failure, null);
    }
    String what = failure.details().reason() + ": " + failure.details().message();
    FailureClass failureClass = classify(failure, null);
    return new GiveUp(failureClass, failureClass == FailureClass.PERMANENT ? what
        : "failed again after " + policy.maxRestarts() + " restarts (restartPolicy.maxRestarts): " + what);
  }

  /** A container that the kernel killed for its memory is tried once more: another moment may have more of it. */
  static FailureClass classify(Failure failure, LastFailure previous) {
    return switch (failure.cause()) {
      case DISRUPTED, NOT_STARTED -> FailureClass.DISRUPTION;
      case OOM_KILLED -> secondOom(failure, previous) ? FailureClass.PERMANENT : FailureClass.RETRYABLE;
      case EXITED -> PERMANENT_CODES.contains(failure.details().exitCode())
          ? FailureClass.PERMANENT : FailureClass.RETRYABLE;
      case POD_DELETED, JOB_DELETED, NO_PROGRESS, POD_GONE, TERMINATED, PEER_LOST, JOB_FAILED ->
          FailureClass.RETRYABLE;
    };
  }

  private static boolean secondOom(Failure failure, LastFailure previous) {
    return previous != null && "OOMKilled".equals(previous.reason())
        && failure.details().stage().equals(previous.stage())
        && previous.attempt() != null && previous.attempt() == failure.details().attempt() - 1;
  }
}
