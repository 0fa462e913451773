package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FailureClass;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.Failure;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The one thing that a reconcile does. A failure is first written down (Restart, Fail) and its evidence destroyed only
 * by a later reconcile (TearDown): no crash between the two loses a count or a cause.
 */
public sealed interface Decision {

  /** The run has ended and the spec asks for nothing more. */
  record Idle() implements Decision {
  }

  /**
   * Something that only a user can put right is missing; looked at again soon.
   *
   * @param stalled false for what may pass by itself
   */
  record Blocked(String reason, String message, boolean stalled) implements Decision {
  }

  /**
   * A run begins, or goes on after a suspension: all stages, or after a change of the spec those from {@code first}.
   *
   * @param config the user's YAML, kept for the whole run
   */
  record Begin(Stage first, Map<Stage, String> hashes, Optional<String> config) implements Decision {
  }

  /**
   * The next attempt of a stage starts, or the next step of the attempt that is at work.
   *
   * @param withCheck whether the environment is checked first, by an init container
   * @param resumeFrom the accepted checkpoint that training goes on from
   */
  record Start(Stage stage, StageStep step, int attempt, boolean withCheck, Optional<String> resumeFrom)
      implements Decision {

    /** Of a stage that is done in one go. */
    public Start(Stage stage, int attempt, boolean withCheck, Optional<String> resumeFrom) {
      this(stage, StageStep.WHOLE, attempt, withCheck, resumeFrom);
    }
  }

  /**
   * Nothing to do but to look again.
   *
   * @param reason in a word; empty when nothing is unusual
   * @param recheck when, if no event comes earlier
   */
  record Wait(Stage stage, String reason, String message, Optional<Instant> recheck) implements Decision {
  }

  record Complete(Stage stage) implements Decision {
  }

  /** The attempt failed and there will be another. */
  record Restart(Stage stage, Failure failure, FailureClass failureClass) implements Decision {
  }

  /** The last pod of the failed attempt is gone: from now on the next one waits. */
  record BackOff(Stage stage, Instant notBefore) implements Decision {
  }

  /** spec.suspend was set while the stage was at work, or between two attempts or stages. */
  record Suspend(Stage stage) implements Decision {
  }

  /** Nothing runs, and nothing starts before spec.suspend is taken back. */
  record Suspended() implements Decision {
  }

  /**
   * Delete what is left of failed attempts.
   *
   * @param lostPods on nodes that do not answer: deleted by force
   */
  record TearDown(Stage stage, List<String> jobs, List<String> lostPods) implements Decision {
    public TearDown(Stage stage, List<String> jobs) {
      this(stage, jobs, List.of());
    }
  }

  /**
   * Its time after the end is over: the children go.
   *
   * @param deleteSelf whether the FlowTraining goes, and they with it
   */
  record Expire(boolean deleteSelf) implements Decision {
  }

  /**
   * It is deleted, and a Job tidies the workspace up.
   *
   * @param start whether the Job is to be created
   */
  record CleanUp(boolean start, String message, Instant recheck) implements Decision {
  }

  /**
   * It is deleted, and nothing keeps it any longer.
   *
   * @param problem why the workspace is not tidied up; empty when it is
   */
  record Release(String problem) implements Decision {
  }

  /** The stage failed for good, and the run with it. */
  record Fail(Stage stage, Failure failure, FailureClass failureClass, String message) implements Decision {
  }
}
