package dev.flowtraining.trainer;

/** A stage cannot go on. Carries what the exit code, the termination message and the user need. */
public final class StageFailure extends RuntimeException {
  private final ExitCode exitCode;
  private final String reason;

  /**
   * @param reason one CamelCase word for the status condition, such as {@code TooManyRejects}
   * @param message what is wrong and what to do about it, in one line
   */
  public StageFailure(ExitCode exitCode, String reason, String message) {
    this(exitCode, reason, message, null);
  }

  public StageFailure(ExitCode exitCode, String reason, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
    this.reason = reason;
  }

  public ExitCode exitCode() {
    return exitCode;
  }

  public String reason() {
    return reason;
  }
}
