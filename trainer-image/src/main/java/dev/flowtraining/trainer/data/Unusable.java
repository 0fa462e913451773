package dev.flowtraining.trainer.data;

import java.io.IOException;

/** A part of an utterance cannot be used; says why, so that the utterance can be rejected with its reason. */
public final class Unusable extends IOException {
  private final RejectReason reason;

  public Unusable(RejectReason reason, String message) {
    super(message);
    this.reason = reason;
  }

  public RejectReason reason() {
    return reason;
  }
}
