package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Utterances padded to the longest. B utterances, T tokens, F = 2·T mel frames, C mel bins, S speaker channels.
 *
 * @param token_BT2 int64, zero where padded
 * @param tokenLen valid tokens of each utterance; its valid frames are twice as many
 * @param mel_BFC float32, zero where padded
 * @param speaker_BS float32
 */
public record Batch(
    List<String> utts, NDArray token_BT2, int[] tokenLen, NDArray mel_BFC, NDArray speaker_BS)
    implements AutoCloseable {

  /** Copies padded row-major arrays to the manager's device. */
  public static Batch of(
      NDManager manager, List<String> utts, int[] tokenLen, long[] token_BT2, float[] mel_BFC, float[] speaker_BS) {
    int b = utts.size();
    int t = Arrays.stream(tokenLen).max().orElseThrow();
    return new Batch(utts,
        manager.create(LongBuffer.wrap(token_BT2), new Shape(b, t, 2)), tokenLen,
        manager.create(FloatBuffer.wrap(mel_BFC), new Shape(b, 2L * t, mel_BFC.length / (2L * b * t))),
        manager.create(FloatBuffer.wrap(speaker_BS), new Shape(b, speaker_BS.length / b)));
  }

  public int size() {
    return tokenLen.length;
  }

  /** T. */
  public int tokens() {
    return (int) token_BT2.getShape().get(1);
  }

  /** Mel frames that count in the loss. */
  public long validFrames() {
    return 2 * Arrays.stream(tokenLen).asLongStream().sum();
  }

  public long paddedFrames() {
    return 2L * size() * tokens();
  }

  @Override
  public void close() {
    token_BT2.close();
    mel_BFC.close();
    speaker_BS.close();
  }
}
