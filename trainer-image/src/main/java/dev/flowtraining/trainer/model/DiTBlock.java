package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.Activation;
import dev.flowtraining.trainer.torch.Functions.GatedNorm;

/**
 * Attention, causal convolution and MLP, each modulated and gated by the time (adaLN-Zero, arXiv 2212.09748). The
 * vectors are stored for attention, MLP, convolution; the order of application is attention, convolution, MLP.
 */
record DiTBlock(String name, DiTAttention attention, Convolution first, LayerNorm convolutionNorm, Convolution second,
    Linear up, Linear down, Linear modulation) {

  /** What the names of a block's parameters begin with. */
  static String parameters(int index) {
    return DiT.PARAMETERS + "blocks." + index + ".";
  }

  /** Before a block. */
  static String seam(int index) {
    return "dit.block" + index;
  }

  static DiTBlock of(ModelConfig.Estimator config, Weights w, int index) {
    String at = parameters(index);
    return new DiTBlock(seam(index), DiTAttention.of(w, at + "attn.", config.numHeads()),
        Convolution.of(w, at + "conv.block.1"), LayerNorm.of(w, at + "conv.block.3", 1e-5),
        Convolution.of(w, at + "conv.block.6"), Linear.of(w, at + "mlp.fc1"), Linear.of(w, at + "mlp.fc2"),
        Linear.of(w, at + "adaLN_modulation.1"));
  }

  /**
   * @param time_B1C SiLU of the time embedding
   * @param mask_B11FOrNull 0 for valid frames, −∞ for padded ones; convolutions are causal and need none
   */
  Residual apply(Pass pass, Residual x, NDArray time_B1C, NDArray mask_B11FOrNull) {
    Modulation m = Modulation.of(pass, modulation, time_B1C);
    GatedNorm in = x.normed(pass, m.vector(0), m.vector(1));
    NDArray y = pass.see(name + ".attn", attention.apply(pass, in.normed_BFC(), mask_B11FOrNull));

    in = new Residual(in.sum_BFC(), y, m.vector(2)).normed(pass, m.vector(6), m.vector(7));
    y = convolutionNorm.apply(pass, first.causal(pass, in.normed_BFC()), Activation.MISH);
    y = pass.see(name + ".conv", second.causal(pass, y));

    in = new Residual(in.sum_BFC(), y, m.vector(8)).normed(pass, m.vector(3), m.vector(4));
    y = pass.functions().activate(pass.manager(), up.apply(pass, in.normed_BFC()), Activation.GELU_TANH);
    y = pass.see(name + ".mlp", down.apply(pass, y));

    Residual out = new Residual(in.sum_BFC(), y, m.vector(5));
    if (pass.isSeen()) {
      pass.see(name, out.sum());
    }
    return out;
  }
}
