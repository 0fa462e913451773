package dev.flowtraining.trainer.tokens;

import java.io.IOException;

/** Recording → the two token streams in the flat 2:3 order. Thread-safe. */
interface SpeechTokenizer extends AutoCloseable {
  int RATE = 16_000;

  /**
   * @param samples at 16 kHz
   * @return five codes per whole group of 120 ms, vq06 + 1024; empty when there is no whole group
   */
  long[] tokens(float[] samples) throws IOException;

  /** Codes that the first stream can have. */
  int vq02Codes();

  /** Codes that the second stream can have. */
  int vq06Codes();

  @Override
  default void close() {}
}
