package dev.flowtraining.trainer;

/** How a stage ended, in the one language that the kernel, the kubelet and the operator share. */
public enum ExitCode {
  /** The stage is done. */
  DONE(0),
  /** Unknown failure; worth another try. */
  UNKNOWN(1),
  /** Wrong usage or config; permanent. */
  USAGE(2),
  /** The input data is bad; permanent. */
  BAD_DATA(64),
  /** Out of memory; permanent, with the settings to lower in the message. */
  OUT_OF_MEMORY(65),
  /** A model, volume or other needed thing is missing or unreadable; permanent. */
  MISSING(66),
  /** A lost peer or an input/output error; worth another try. */
  RETRYABLE(75),
  /** Ended by SIGTERM. */
  TERMINATED(143);

  private final int code;

  ExitCode(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }
}
