package dev.flowtraining.trainer.speaker;

import java.io.IOException;

/** Recording → 192 numbers that are alike for recordings of one speaker. Thread-safe. */
interface SpeakerEncoder extends AutoCloseable {
  int SIZE = 192;

  /**
   * @param samples at 16 kHz
   * @return 192 numbers of any length; the model divides by their L2 norm
   */
  float[] embed(float[] samples) throws IOException;

  @Override
  default void close() {}
}
