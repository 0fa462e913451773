package dev.flowtraining.trainer.batch;

import dev.flowtraining.trainer.data.PaddedBatch;
import dev.flowtraining.trainer.model.Batch;
import dev.flowtraining.trainer.model.Draws;

/**
 * What one forward pass needs; without utterances in the places that a short last step leaves empty.
 *
 * @param streaming whether its attention sees no further than its own chunk
 */
public record MicroBatch(PaddedBatch padded, Draws draws, boolean streaming) {
  public static final MicroBatch EMPTY = new MicroBatch(null, null, false);

  public boolean isEmpty() {
    return padded == null;
  }

  public Batch batch() {
    return new Batch(padded.utts(), padded.token_BT2(), padded.tokenLen(), padded.mel_BFC(), padded.speaker_BS());
  }
}
