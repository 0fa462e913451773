package dev.flowtraining.trainer.data;

import java.util.List;

/**
 * A micro-batch in Java arrays, zero-padded to its longest utterance.
 *
 * @param token_BT2 row-major (B,T,2)
 * @param mel_BFC row-major (B,2T,C)
 * @param speaker_BS row-major (B,S)
 */
public record PaddedBatch(List<String> utts, long[] token_BT2, int[] tokenLen, float[] mel_BFC, float[] speaker_BS) {

  public int size() {
    return tokenLen.length;
  }

  /** T, the padded length in tokens. */
  public int tokens() {
    return token_BT2.length / (2 * size());
  }

  /** F = 2T, the padded length in frames. */
  public int frames() {
    return 2 * tokens();
  }

  public int melBins() {
    return mel_BFC.length / (size() * frames());
  }

  public long validFrames() {
    long sum = 0;
    for (int n : tokenLen) {
      sum += 2L * n;
    }
    return sum;
  }

  public static PaddedBatch of(List<Example> examples) {
    int b = examples.size();
    int t = examples.stream().mapToInt(Example::tokens).max().orElseThrow();
    int c = examples.getFirst().mel_FC().length / examples.getFirst().frames();
    int s = examples.getFirst().speaker().length;
    long[] token_BT2 = new long[b * t * 2];
    int[] tokenLen = new int[b];
    float[] mel_BFC = new float[b * 2 * t * c];
    float[] speaker_BS = new float[b * s];
    for (int i = 0; i < b; i++) {
      Example example = examples.get(i);
      int[] tokens = example.token_2T();
      for (int k = 0; k < tokens.length; k++) {
        token_BT2[i * t * 2 + k] = tokens[k];
      }
      tokenLen[i] = example.tokens();
      System.arraycopy(example.mel_FC(), 0, mel_BFC, i * 2 * t * c, example.mel_FC().length);
      System.arraycopy(example.speaker(), 0, speaker_BS, i * s, s);
    }
    return new PaddedBatch(examples.stream().map(Example::utt).toList(), token_BT2, tokenLen, mel_BFC, speaker_BS);
  }
}
