package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.Operators;

/** A conformer block without macaron and convolution modules: attention and feed-forward, each normalised before. */
record EncoderBlock(
    String name, LayerNorm attentionNorm, RelativeAttention attention, LayerNorm feedNorm, Linear up, Linear down) {
  private static final double EPS = 1e-12;

  static EncoderBlock of(Weights w, String at, String name) {
    return new EncoderBlock(name, LayerNorm.of(w, at + "norm_mha", EPS), RelativeAttention.of(w, at + "self_attn."),
        LayerNorm.of(w, at + "norm_ff", EPS), Linear.of(w, at + "feed_forward.w_1"),
        Linear.of(w, at + "feed_forward.w_2"));
  }

  NDArray apply(Pass pass, NDArray x_BTC, NDArray position_PC, NDArray keyMask_1B1T) {
    NDArray attended = attention.apply(pass, attentionNorm.apply(pass, x_BTC), position_PC, keyMask_1B1T);
    pass.see(name + ".attn", attended);
    NDArray x = pass.drop(attended).add(x_BTC);
    NDArray hidden = pass.drop(Operators.silu(up.apply(pass, feedNorm.apply(pass, x))));
    return pass.see(name, pass.drop(down.apply(pass, hidden)).add(x));
  }
}
