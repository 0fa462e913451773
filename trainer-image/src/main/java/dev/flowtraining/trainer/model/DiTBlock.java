package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.Operators;

/**
 * Attention, causal convolution and MLP, each modulated and gated by the time (adaLN-Zero, arXiv 2212.09748). The
 * vectors are stored for attention, MLP, convolution; the order of application is attention, convolution, MLP.
 */
record DiTBlock(
    String name, DiTAttention attention, Convolution first, LayerNorm convolutionNorm, Convolution second, Linear up,
    Linear down, Linear modulation, LayerNorm plainNorm) {

  static DiTBlock of(ModelConfig.Estimator config, Weights w, int index, LayerNorm plainNorm) {
    String at = "decoder.estimator.blocks." + index + ".";
    return new DiTBlock("dit.block" + index, DiTAttention.of(w, at + "attn.", config.numHeads()),
        Convolution.of(w, at + "conv.block.1"), LayerNorm.of(w, at + "conv.block.3", 1e-5),
        Convolution.of(w, at + "conv.block.6"), Linear.of(w, at + "mlp.fc1"), Linear.of(w, at + "mlp.fc2"),
        Linear.of(w, at + "adaLN_modulation.1"), plainNorm);
  }

  /**
   * @param time_B1C SiLU of the time embedding
   * @param mask_B11FOrNull 0 for valid frames, −∞ for padded ones; convolutions are causal and need none
   */
  NDArray apply(Pass pass, NDArray x_BFC, NDArray time_B1C, NDArray mask_B11FOrNull) {
    Modulation m = new Modulation(modulation.apply(time_B1C), x_BFC.getShape().get(2));
    NDArray y = attention.apply(modulated(x_BFC, m, 0), mask_B11FOrNull);
    NDArray x = Modulation.gated(x_BFC, m.vector(2), pass.see(name + ".attn", y));
    y = second.causal(Operators.mish(convolutionNorm.apply(first.causal(modulated(x, m, 6)))));
    x = Modulation.gated(x, m.vector(8), pass.see(name + ".conv", y));
    y = down.apply(Operators.geluTanh(up.apply(modulated(x, m, 3))));
    x = Modulation.gated(x, m.vector(5), pass.see(name + ".mlp", y));
    return pass.see(name, x);
  }

  private NDArray modulated(NDArray x_BFC, Modulation m, int shift) {
    return Modulation.modulate(plainNorm.apply(x_BFC), m.vector(shift), m.vector(shift + 1));
  }
}
