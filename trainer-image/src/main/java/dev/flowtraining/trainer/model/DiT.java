package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
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

  DiT(ModelConfig.Estimator config, Parameters p) {
    NDManager constants = p.newManager();
    plainNorm = LayerNorm.plain(constants, config.hiddenSize(), 1e-6);
    time = TimeEmbedding.of(p, "decoder.estimator.t_embedder.");
    input = Linear.of(p, "decoder.estimator.in_proj");
    blocks = IntStream.range(0, config.depth()).mapToObj(i -> DiTBlock.of(config, p, i, plainNorm)).toList();
    finalModulation = Linear.of(p, "decoder.estimator.final_layer.adaLN_modulation.1");
    output = Linear.of(p, "decoder.estimator.final_layer.linear");
  }

  /**
   * @param x_BFN y, mu, speaker and prompt side by side
   * @param t B times
   * @param padding of the tokens, two frames each
   * @return the velocity (B,F,M)
   */
  NDArray apply(Pass pass, NDArray x_BFN, float[] t, Padding padding) {
    NDArray embedded = pass.see("dit.t_emb", time.apply(pass.manager(), t));
    NDArray time_B1C = Operators.silu(embedded).expandDims(1);
    NDArray mask = padding.any()
        ? padding.valid_BT1(pass.manager(), 2).toType(DataType.BOOLEAN, false).reshape(t.length, 1, 1, -1)
        : null;
    NDArray x = pass.see("dit.in_proj", input.apply(x_BFN));
    for (DiTBlock block : blocks) {
      x = block.apply(pass, x, time_B1C, mask);
    }
    Modulation m = new Modulation(finalModulation.apply(time_B1C), x.getShape().get(2));
    return output.apply(Modulation.modulate(plainNorm.apply(x), m.vector(0), m.vector(1)));
  }
}
