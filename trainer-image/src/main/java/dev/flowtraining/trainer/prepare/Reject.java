package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.data.RejectReason;

/** An utterance that is left out, and why. */
record Reject(String utt, RejectReason reason, String detail) {}
