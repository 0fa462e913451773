package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.audio.Fbank;

/**
 * FunASR's online front end without dither: 16 kHz audio → stacked filter banks, normalised, 60 ms a row.
 *
 * <p>Upstream takes chunks of 3840 samples and carries what a chunk leaves over: samples of a window that is not whole,
 * and filter bank frames of a row that is not. With dither 0 a frame and a row depend on nothing else, so all of an
 * utterance at once gives the same rows. Only how many there are at the end follows from the chunks.
 */
final class Vq02FrontEnd {
  /** Samples of a chunk, and its rows. */
  static final int CHUNK = 3840;
  static final int CHUNK_ROWS = 4;
  /** Frames of a row, and frames from one row to the next. */
  private static final int STACK = 7;
  private static final int STRIDE = 6;
  /** How often the first frame is repeated before the utterance. */
  private static final int LEAD = (STACK - 1) / 2;
  static final int DIMENSIONS = STACK * Fbank.BINS;

  private final Cmvn cmvn;

  /** @param cmvn of {@link #DIMENSIONS} numbers */
  Vq02FrontEnd(Cmvn cmvn) {
    this.cmvn = cmvn;
  }

  /**
   * Four for each whole chunk. The rest is one chunk more: its new frames, and those carried into it (the repeated
   * first frame, or one of the chunk before), give a row for every six but the last three; with fewer than a row's seven
   * in all they give none.
   */
  static int rows(int samples) {
    int chunks = samples / CHUNK;
    int before = chunks == 0 ? 0 : Fbank.frames(chunks * CHUNK);
    int frames = Fbank.frames(samples) - before + (chunks == 0 ? LEAD : 1);
    return CHUNK_ROWS * chunks + (samples % CHUNK == 0 || frames < STACK ? 0 : Math.ceilDiv(frames - LEAD, STRIDE));
  }

  /** @return {@link #rows} × 560 */
  float[] of(float[] samples) {
    int rows = rows(samples.length);
    float[] fbank_FC = rows == 0 ? new float[0] : Fbank.HAMMING_INT16.of(samples);
    int last = fbank_FC.length / Fbank.BINS - 1;
    float[] out = new float[rows * DIMENSIONS];
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < STACK; i++) {
        int frame = Math.clamp((long) r * STRIDE + i - LEAD, 0, last);
        System.arraycopy(fbank_FC, frame * Fbank.BINS, out, (r * STACK + i) * Fbank.BINS, Fbank.BINS);
      }
    }
    cmvn.apply(out);
    return out;
  }
}
