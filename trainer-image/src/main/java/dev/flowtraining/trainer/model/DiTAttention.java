package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;

/** Self-attention over all frames; queries and keys are normalised per head. */
record DiTAttention(
    Linear query, Linear key, Linear value, LayerNorm queryNorm, LayerNorm keyNorm, Linear out, long heads) {

  static DiTAttention of(Weights w, String at, int heads) {
    return new DiTAttention(Linear.of(w, at + "to_q"), Linear.of(w, at + "to_k"), Linear.of(w, at + "to_v"),
        LayerNorm.of(w, at + "q_norm", 1e-5), LayerNorm.of(w, at + "k_norm", 1e-5), Linear.of(w, at + "proj"), heads);
  }

  /** @param mask_B11FOrNull 0 for valid frames, −∞ for padded ones */
  NDArray apply(Pass pass, NDArray x_BFC, NDArray mask_B11FOrNull) {
    NDArray q_BFC = queryNorm.apply(pass, query.apply(pass, x_BFC));
    NDArray k_BFC = keyNorm.apply(pass, key.apply(pass, x_BFC));
    NDArray v_BFC = value.apply(pass, x_BFC);
    return out.apply(
        pass, pass.functions().attention(pass.manager(), q_BFC, k_BFC, v_BFC, heads, mask_B11FOrNull));
  }
}
