package dev.flowtraining.trainer.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The size that a batch is filled up to, one of few: tokens to a multiple of 12 (frames to one of 24, which suits the
 * kernels), utterances to as many as there are in a full batch of that length. What is added counts nowhere.
 */
record Filling(int utterances, int tokens) {
  private static final int STEP = 12;

  static Filling of(Batch batch, int framesPerBatch) {
    int tokens = Math.ceilDiv(batch.tokens(), STEP) * STEP;
    return new Filling(Math.max(batch.size(), framesPerBatch / (2 * tokens)), tokens);
  }

  Batch fill(Batch batch) {
    int b = batch.size();
    int bins = batch.mel_BFC().length / Math.toIntExact(batch.paddedFrames());
    long[] token = new long[utterances * tokens * 2];
    float[] mel = new float[utterances * tokens * 2 * bins];
    for (int i = 0; i < b; i++) {
      System.arraycopy(batch.token_BT2(), i * batch.tokens() * 2, token, i * tokens * 2, batch.tokens() * 2);
      int row = 2 * batch.tokens() * bins;
      System.arraycopy(batch.mel_BFC(), i * row, mel, i * 2 * tokens * bins, row);
    }
    List<String> utts = new ArrayList<>(batch.utts());
    while (utts.size() < utterances) {
      utts.add("");
    }
    return new Batch(utts, token, Arrays.copyOf(batch.tokenLen(), utterances), mel,
        Arrays.copyOf(batch.speaker_BS(), batch.speaker_BS().length / b * utterances));
  }

  Draws fill(Batch batch, Draws draws) {
    int b = batch.size();
    int from = 2 * batch.tokens();
    int to = 2 * tokens;
    int rows = draws.z().length / from; // utterances × bins
    float[] z = new float[rows / b * utterances * to];
    for (int i = 0; i < rows; i++) {
      System.arraycopy(draws.z(), i * from, z, i * to, from);
    }
    return new Draws(Arrays.copyOf(draws.t(), utterances), z, Arrays.copyOf(draws.promptFrames(), utterances),
        Arrays.copyOf(draws.dropConditions(), utterances));
  }
}
