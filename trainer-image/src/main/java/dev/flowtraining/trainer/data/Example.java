package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.audio.Mel;
import java.util.Arrays;

/**
 * One utterance as the model sees it: 3G token rows and 6G mel frames of the same G groups of 120 ms.
 *
 * @param token_2T T rows of two ids, time-aligned, flattened
 * @param mel_FC 2T frames × 80 bins, row-major
 * @param speaker speaker embedding of L2 norm 1
 */
public record Example(String utt, int[] token_2T, float[] mel_FC, float[] speaker) {
  public static final int FRAMES_PER_SECOND = Mel.RATE / Mel.HOP;

  /** T, the rows of token ids. */
  public int tokens() {
    return token_2T.length / 2;
  }

  /** F = 2T, the mel frames. */
  public int frames() {
    return mel_FC.length / Mel.BINS;
  }

  /** A stretch of it, in whole groups: no longer than it is. */
  public Example part(int fromGroup, int groups) {
    int end = Math.min(frames() / DualCodebook.FRAMES, fromGroup + groups);
    int from = fromGroup * DualCodebook.FRAMES; // frames are as many as ids: two ids a row, two frames a row
    int to = end * DualCodebook.FRAMES;
    return new Example(utt, Arrays.copyOfRange(token_2T, from, to),
        Arrays.copyOfRange(mel_FC, from * Mel.BINS, to * Mel.BINS), speaker);
  }

  /** Memory, for caches and queues that are bounded in bytes. */
  public long bytes() {
    return 4L * (token_2T.length + mel_FC.length + speaker.length);
  }
}
