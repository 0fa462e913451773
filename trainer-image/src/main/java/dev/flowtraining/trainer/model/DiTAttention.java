package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** Self-attention over all frames; queries and keys are normalised per head. */
record DiTAttention(
    Linear query, Linear key, Linear value, LayerNorm queryNorm, LayerNorm keyNorm, Linear out, long heads) {

  static DiTAttention of(Weights w, String at, int heads) {
    return new DiTAttention(Linear.of(w, at + "to_q"), Linear.of(w, at + "to_k"), Linear.of(w, at + "to_v"),
        LayerNorm.of(w, at + "q_norm", 1e-5), LayerNorm.of(w, at + "k_norm", 1e-5), Linear.of(w, at + "proj"), heads);
  }

  /** @param mask_B11FOrNull 0 for valid frames, −∞ for padded ones */
  NDArray apply(NDArray x_BFC, NDArray mask_B11FOrNull) {
    long b = x_BFC.getShape().get(0);
    long f = x_BFC.getShape().get(1);
    NDArray q_BHFD = queryNorm.apply(query.apply(x_BFC).reshape(b, f, heads, -1)).transpose(0, 2, 1, 3);
    NDArray k_BHFD = keyNorm.apply(key.apply(x_BFC).reshape(b, f, heads, -1)).transpose(0, 2, 1, 3);
    NDArray v_BHFD = value.apply(x_BFC).reshape(b, f, heads, -1).transpose(0, 2, 1, 3);
    NDArray y_BHFD = Operators.attention(q_BHFD, k_BHFD, v_BHFD, mask_B11FOrNull);
    return out.apply(y_BHFD.transpose(0, 2, 1, 3).reshape(b, f, -1));
  }
}
