package dev.flowtraining.trainer.tokens;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Operators;

/**
 * A layer's keys, or its values, that later windows of the utterance see: of each window its first four rows. Shapes as in
 * {@link TorchSanmEncoder}.
 */
final class SanmPast {
  private final NDManager utterance;
  /** The latest windows' rows, (4, 4, N); null before the first window. */
  private NDArray latest;

  SanmPast(NDManager utterance) {
    this.utterance = utterance;
  }

  /**
   * (W,R,N) → (W,S,N): before a window's own rows those of the four windows before it; zeros, which are masked, where
   * there are none.
   *
   * @param more whether windows follow in another call
   */
  NDArray before(NDArray x_WRN, boolean more) {
    long windows = x_WRN.getShape().get(0);
    NDArray first = Operators.narrow(x_WRN, 1, 0, Vq02FrontEnd.CHUNK_ROWS);
    NDArray all;
    if (latest == null) {
      all = Operators.pad(first, 0, SanmEncoder.LOOK_BACK, 0);
    } else {
      all = NDArrays.concat(new NDList(latest, first), 0);
      all.attach(x_WRN.getManager());
      latest.close();
    }
    if (more) {
      latest = Operators.narrow(all, 0, windows, SanmEncoder.LOOK_BACK).duplicate();
      latest.attach(utterance);
    }
    NDList parts = new NDList();
    for (int back = 0; back < SanmEncoder.LOOK_BACK; back++) {
      parts.add(Operators.narrow(all, 0, back, windows));
    }
    parts.add(x_WRN);
    return NDArrays.concat(parts, 1);
  }
}
