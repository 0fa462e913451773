package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.io.IOException;

/**
 * An utterance to look at.
 *
 * @param fileName of the recording, whose extension must agree with what it holds; null when nobody reads it
 * @param place the file, or the file and row, that it comes from
 * @param row what stages 1 to 3 made of it; null before
 * @param frames mel frames that {@code utt2num_frames} promises; null when it promises none
 */
record Item(String utt, String spk, String text, String fileName, String place, Audio audio, UtteranceRow row, Integer frames) {

  /** Reads the audio file's bytes. */
  @FunctionalInterface
  interface Audio {
    byte[] bytes() throws IOException;
  }
}
