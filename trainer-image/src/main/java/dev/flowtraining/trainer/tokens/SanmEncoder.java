package dev.flowtraining.trainer.tokens;

import java.io.IOException;

/**
 * FunASR's streaming SAN-M encoder over a whole utterance, as if its chunks of four rows came one after the other: a
 * window is the last five rows of the window before it (zeros first) and the chunk's own; attention sees the window
 * and, of the windows before, the keys and values of their rows but the last five, the latest 16. Thread-safe.
 */
interface SanmEncoder extends AutoCloseable {
  /** Rows of the window before that a window begins with. */
  int CARRIED = 5;
  /** Chunks whose keys a window sees besides its own: encoder_chunk_look_back. */
  int LOOK_BACK = 4;

  /** Numbers of an input row. */
  int inputs();

  /** Numbers of an output row. */
  int outputs();

  /**
   * @param rows rows × inputs, scaled and with positions
   * @return rows × outputs
   */
  float[] encode(float[] rows) throws IOException;

  /** What was found, in a line. */
  String describe();

  @Override
  void close();
}
