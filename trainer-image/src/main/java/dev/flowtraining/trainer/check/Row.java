package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;

/**
 * One thing that a run needs.
 *
 * @param value what was found
 * @param todo what to do about it; empty when it is fine
 * @param exitCode how the check ends when this is missing
 * @param reason the CamelCase word for the status condition when this is missing
 */
record Row(String what, State state, String value, String todo, ExitCode exitCode, String reason) {

  enum State {
    OK("ok"),
    /** Works, but perhaps not as wanted. */
    WARN("warn"),
    MISSING("missing");

    final String word;

    State(String word) {
      this.word = word;
    }
  }

  static Row ok(String what, String value) {
    return new Row(what, State.OK, value, "", ExitCode.DONE, "");
  }

  static Row warn(String what, String value, String todo) {
    return new Row(what, State.WARN, value, todo, ExitCode.DONE, "");
  }

  static Row missing(String what, String value, String todo, String reason) {
    return new Row(what, State.MISSING, value, todo, ExitCode.MISSING, reason);
  }

  static Row failed(String what, String todo, StageFailure failure) {
    return new Row(what, State.MISSING, failure.getMessage(), todo, failure.exitCode(), failure.reason());
  }
}
