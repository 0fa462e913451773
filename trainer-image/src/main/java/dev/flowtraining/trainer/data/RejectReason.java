package dev.flowtraining.trainer.data;

import java.util.Arrays;

/** Why an utterance cannot be used. The id is what stands in {@code rejects} and in the counts. */
public enum RejectReason {
  MISSING_WAV("missing-wav"),
  UNREADABLE_WAV("unreadable-wav"),
  NOT_AUDIO("not-audio"),
  /** The name promises another format than the content has. */
  WRONG_EXTENSION("wrong-extension"),
  TRUNCATED_AUDIO("truncated-audio"),
  CORRUPT_AUDIO("corrupt-audio"),
  /** The header says 0 or 4 GiB, as programs do that write into a pipe. */
  UNKNOWN_LENGTH("unknown-length"),
  UNSUPPORTED_ENCODING("unsupported-encoding"),
  ZERO_SAMPLES("zero-samples"),
  /** Every sample is 0. */
  SILENT("silent"),
  NON_FINITE_SAMPLES("non-finite-samples"),
  TOO_SHORT("too-short"),
  TOO_LONG("too-long"),
  LOW_SAMPLE_RATE("low-sample-rate"),
  /** A command in wav.scp; commands are never run. */
  PIPE("pipe"),
  MISSING_TEXT("missing-text"),
  EMPTY_TEXT("empty-text"),
  /** utt2spk is there but does not name the utterance. */
  MISSING_SPEAKER("missing-speaker"),
  NO_TOKENS("no-tokens"),
  /** The text has too few or too many tokens. */
  TEXT_LENGTH("text-length"),
  /** The text has too few or too many tokens for the length of the speech. */
  TEXT_RATIO("text-ratio"),
  BAD_TOKENS("bad-tokens"),
  BAD_EMBEDDING("bad-embedding");

  private final String id;

  RejectReason(String id) {
    this.id = id;
  }

  public String id() {
    return id;
  }

  /** @throws IllegalArgumentException when there is no such reason */
  static RejectReason of(String id) {
    return Arrays.stream(values()).filter(r -> r.id.equals(id)).findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no reason to reject an utterance: " + id));
  }
}
