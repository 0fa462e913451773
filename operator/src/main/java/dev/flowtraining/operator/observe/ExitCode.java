package dev.flowtraining.operator.observe;

/** The trainer's exit codes, and what a code that comes without a termination message is called. */
public enum ExitCode {
  UNKNOWN(1, "UnknownError", "the process ended with an unknown error"),
  USAGE(2, "InvalidConfig", "wrong usage or configuration"),
  BAD_DATA(64, "BadInput", "bad input data"),
  OUT_OF_MEMORY(65, "OutOfMemory", "not enough memory for this configuration"),
  MISSING(66, "ModelOrVolumeMissing", "a model or volume is missing or not readable"),
  RETRYABLE(75, "PeerLost", "a peer or a volume was lost"),
  SIGKILL(137, "Killed", "killed by SIGKILL"),
  SIGTERM(143, "Terminated", "ended by SIGTERM");

  private final int code;
  private final String reason;
  private final String sentence;

  ExitCode(int code, String reason, String sentence) {
    this.code = code;
    this.reason = reason;
    this.sentence = sentence;
  }

  public int code() {
    return code;
  }

  public String reason() {
    return reason;
  }

  public String sentence() {
    return sentence;
  }

  /** Codes that the trainer does not define count as {@link #UNKNOWN}. */
  public static ExitCode of(int code) {
    for (ExitCode known : values()) {
      if (known.code == code) {
        return known;
      }
    }
    return UNKNOWN;
  }
}
