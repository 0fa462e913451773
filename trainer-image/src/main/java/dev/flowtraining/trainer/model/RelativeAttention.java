package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/**
 * Self-attention with relative positions (Transformer-XL, arXiv 1901.02860, section 3.3):
 * {@code s_ij = ((q_i+u)·k_j + (q_i+v)·(Wp·P[T−1−i+j])) / √D}.
 *
 * <p>Heads come first, (H,B,T,·), so that the product with the positions, which all utterances share, needs no copy of
 * them per utterance.
 */
record RelativeAttention(
    Linear query, Linear key, Linear value, Linear out, NDArray position_CC, NDArray u_HD, NDArray v_HD) {

  static RelativeAttention of(Weights w, String at) {
    return new RelativeAttention(Linear.of(w, at + "linear_q"), Linear.of(w, at + "linear_k"),
        Linear.of(w, at + "linear_v"), Linear.of(w, at + "linear_out"), w.get(at + "linear_pos.weight"),
        w.get(at + "pos_bias_u"), w.get(at + "pos_bias_v"));
  }

  /**
   * @param position_PC relative positions
   * @param keyMask_1B1TOrNull 0 for valid keys, −∞ for padded ones
   */
  NDArray apply(Pass pass, NDArray x_BTC, NDArray position_PC, NDArray keyMask_1B1TOrNull) {
    long b = x_BTC.getShape().get(0);
    long t = x_BTC.getShape().get(1);
    long h = u_HD.getShape().get(0);
    long d = u_HD.getShape().get(1);
    NDArray q_BTHD = query.apply(pass, x_BTC).reshape(b, t, h, d);
    NDArray k_HNDT = key.apply(pass, x_BTC).reshape(b, t, h, d).transpose(2, 0, 3, 1);
    NDArray v_HBTD = value.apply(pass, x_BTC).reshape(b, t, h, d).transpose(2, 0, 1, 3);
    NDArray p_HDP = Operators.linear(position_PC, position_CC, null).reshape(2 * t, h, d).transpose(1, 2, 0);

    double scale = 1 / Math.sqrt(d);
    NDArray content_HBTD = Operators.scaleInPlace(q_BTHD.add(u_HD), scale).transpose(2, 0, 1, 3);
    NDArray relative_HND = Operators.scaleInPlace(q_BTHD.add(v_HD), scale).transpose(2, 0, 1, 3).reshape(h, b * t, d);
    NDArray score_HBTT = content_HBTD.matMul(k_HNDT);
    score_HBTT.addi(shift(relative_HND.matMul(p_HDP).reshape(h, b, t, 2 * t)));
    if (keyMask_1B1TOrNull != null) {
      score_HBTT.addi(keyMask_1B1TOrNull);
    }
    NDArray weight_HBTT = pass.drop(Operators.softmax(score_HBTT));
    return out.apply(pass, weight_HBTT.matMul(v_HBTD).transpose(1, 2, 0, 3).reshape(b, t, h * d));
  }

  /** From (i, position) to (i, j): row i begins at position T−1−i. Read as one line, that is a stride of 2T−1. */
  private static NDArray shift(NDArray x_HBTP) {
    long t = x_HBTP.getShape().get(2);
    long h = x_HBTP.getShape().get(0);
    long b = x_HBTP.getShape().get(1);
    NDArray line = Operators.narrow(x_HBTP.reshape(h, b, t * 2 * t), 2, t - 1, t * (2 * t - 1));
    return Operators.narrow(line.reshape(h, b, t, 2 * t - 1), 3, 0, t);
  }
}
