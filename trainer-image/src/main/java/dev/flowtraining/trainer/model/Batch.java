package dev.flowtraining.trainer.model;

import java.util.Arrays;
import java.util.List;

/**
 * Utterances padded to the longest, in row-major arrays. B utterances, T tokens, F = 2·T mel frames, C mel bins, S
 * speaker channels.
 *
 * @param token_BT2 zero where padded
 * @param tokenLen valid tokens of each utterance; its valid frames are twice as many
 * @param mel_BFC zero where padded
 */
public record Batch(List<String> utts, long[] token_BT2, int[] tokenLen, float[] mel_BFC, float[] speaker_BS) {

  public int size() {
    return tokenLen.length;
  }

  /** T. */
  public int tokens() {
    return token_BT2.length / (2 * size());
  }

  /** Mel frames that count in the loss. */
  public long validFrames() {
    return 2 * Arrays.stream(tokenLen).asLongStream().sum();
  }

  public long paddedFrames() {
    return 2L * size() * tokens();
  }

  boolean isPadded() {
    return Arrays.stream(tokenLen).anyMatch(n -> n < tokens());
  }
}
