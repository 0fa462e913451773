package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.data.RejectReason;

/** An utterance that is left out, and why. */
public record Reject(String utt, RejectReason reason, String detail) {}
