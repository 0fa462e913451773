package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.audio.Mel;

/**
 * One utterance as the model sees it: 3G token rows and 6G mel frames of the same G groups of 120 ms.
 *
 * @param token_2T T rows of two ids, time-aligned, flattened
 * @param mel_FC 2T frames × 80 bins, row-major
 * @param speaker speaker embedding of L2 norm 1
 */
public record Example(String utt, int[] token_2T, float[] mel_FC, float[] speaker) {

  /** T, the rows of token ids. */
  public int tokens() {
    return token_2T.length / 2;
  }

  /** F = 2T, the mel frames. */
  public int frames() {
    return mel_FC.length / Mel.BINS;
  }

  /** Memory, for caches and queues that are bounded in bytes. */
  public long bytes() {
    return 4L * (token_2T.length + mel_FC.length + speaker.length);
  }
}
