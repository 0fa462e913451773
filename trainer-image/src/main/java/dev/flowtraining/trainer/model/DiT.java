package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.Operators;
import java.util.List;
import java.util.stream.IntStream;

/** The estimator of the velocity. It has no positional encoding: order comes from the causal convolutions. */
final class DiT {
  private final TimeEmbedding time;
  private final Linear input;
  private final List<DiTBlock> blocks;
  private final Linear finalModulation;
  private final Linear output;
  private final LayerNorm plainNorm;

  DiT(ModelConfig.Estimator config, Weights w) {
    plainNorm = LayerNorm.plain(w, config.hiddenSize(), 1e-6);
    time = TimeEmbedding.of(w, "decoder.estimator.t_embedder.");
    input = Linear.of(w, "decoder.estimator.in_proj");
    blocks = IntStream.range(0, config.depth()).mapToObj(i -> DiTBlock.of(config, w, i, plainNorm)).toList();
    finalModulation = Linear.of(w, "decoder.estimator.final_layer.adaLN_modulation.1");
    output = Linear.of(w, "decoder.estimator.final_layer.linear");
  }

  /**
   * @param x_BFN y, mu, speaker and prompt side by side
   * @param wave_BW sinusoids of the times
   * @return the velocity (B,F,M)
   */
  NDArray apply(Pass pass, NDArray x_BFN, NDArray wave_BW, Masks masks) {
    NDArray embedded = pass.see("dit.t_emb", time.apply(wave_BW));
    NDArray time_B1C = pass.blocks().shared(Operators.silu(embedded).expandDims(1));
    NDArray x = pass.see("dit.in_proj", input.apply(x_BFN));
    for (DiTBlock block : blocks) {
      x = pass.block(x, (inner, in) -> block.apply(inner, in, time_B1C, masks.frameKeys_B11F()));
    }
    Modulation m = new Modulation(finalModulation.apply(time_B1C), x.getShape().get(2));
    return output.apply(Modulation.modulate(plainNorm.apply(x), m.vector(0), m.vector(1)));
  }
}
