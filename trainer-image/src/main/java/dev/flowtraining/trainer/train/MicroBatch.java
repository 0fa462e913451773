package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.data.PaddedBatch;
import dev.flowtraining.trainer.model.Batch;
import dev.flowtraining.trainer.model.Draws;

/** What one forward pass needs; without utterances in the places that a short last step leaves empty. */
record MicroBatch(PaddedBatch padded, Draws draws) {
  static final MicroBatch EMPTY = new MicroBatch(null, null);

  boolean isEmpty() {
    return padded == null;
  }

  Batch batch() {
    return new Batch(padded.utts(), padded.token_BT2(), padded.tokenLen(), padded.mel_BFC(), padded.speaker_BS());
  }
}
