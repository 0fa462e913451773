package dev.flowtraining.trainer.tokens;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;

/**
 * Which keys and rows of some windows are there: the utterance's first windows have fewer windows before them, its last
 * one may have fewer rows.
 *
 * @param keys_W11S booleans: the keys of the windows before, oldest first, then the window's own
 * @param rowsOrNull_WR1 1 for a row, 0 for none; null when all are there
 * @param more whether more windows of the utterance follow
 */
record SanmMasks(NDArray keys_W11S, NDArray rowsOrNull_WR1, boolean more) {

  /**
   * @param from the first of these windows
   * @param rows of the whole utterance
   */
  static SanmMasks of(NDManager manager, int from, int windows, int rows) {
    int chunk = Vq02FrontEnd.CHUNK_ROWS;
    int own = SanmEncoder.CARRIED + chunk;
    int past = SanmEncoder.LOOK_BACK * chunk;
    int inLast = Math.min(own, SanmEncoder.CARRIED + rows - (from + windows - 1) * chunk);
    boolean[] keys = new boolean[windows * (past + own)];
    float[] there = new float[windows * own];
    for (int w = 0; w < windows; w++) {
      int ownHere = w == windows - 1 ? inLast : own;
      for (int s = 0; s < past + own; s++) {
        keys[w * (past + own) + s] = s < past ? from + w - SanmEncoder.LOOK_BACK + s / chunk >= 0 : s - past < ownHere;
      }
      for (int r = 0; r < ownHere; r++) {
        there[w * own + r] = 1;
      }
    }
    return new SanmMasks(manager.create(keys, new Shape(windows, 1, 1, past + own)),
        inLast == own ? null : manager.create(there, new Shape(windows, own, 1)),
        (from + windows) * chunk < rows);
  }
}
