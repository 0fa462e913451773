package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.Functions;
import dev.flowtraining.trainer.torch.Operators;
import java.util.List;
import java.util.stream.IntStream;

/** The estimator of the velocity. It has no positional encoding: order comes from the causal convolutions. */
final class DiT {
  /** What the names of its parameters begin with. */
  static final String PARAMETERS = "decoder.estimator.";
  /** Before all of it. */
  static final String SEAM = "dit";

  private final TimeEmbedding time;
  private final Linear input;
  private final List<DiTBlock> blocks;
  private final Linear finalModulation;
  private final Linear output;

  DiT(ModelConfig.Estimator config, Weights w) {
    time = TimeEmbedding.of(w, PARAMETERS + "t_embedder.");
    input = Linear.of(w, PARAMETERS + "in_proj");
    blocks = IntStream.range(0, config.depth()).mapToObj(i -> DiTBlock.of(config, w, i)).toList();
    finalModulation = Linear.of(w, PARAMETERS + "final_layer.adaLN_modulation.1");
    output = Linear.of(w, PARAMETERS + "final_layer.linear");
  }

  static int depth(Parameters parameters) {
    return (int) parameters.slots().stream().map(s -> s.spec().name())
        .filter(name -> name.startsWith(PARAMETERS + "blocks.") && name.endsWith("attn.to_q.weight")).count();
  }

  /**
   * @param x_BFN y, mu, speaker and prompt side by side
   * @param wave_BW sinusoids of the times
   * @return the velocity (B,F,M)
   */
  NDArray apply(Pass pass, NDArray x_BFN, NDArray wave_BW, Masks masks) {
    Functions f = pass.functions();
    NDManager manager = pass.manager();
    NDArray embedded = pass.see("dit.t_emb", time.apply(pass.composed(), wave_BW));
    NDArray entered = f.seam(manager, f.enter(manager, x_BFN), SEAM);
    NDArray time_B1C = f.enter(manager, pass.blocks().shared(Operators.silu(embedded).expandDims(1)));
    Residual x = Residual.of(pass.see("dit.in_proj", input.apply(pass, entered)));
    for (DiTBlock block : blocks) {
      x = pass.block(x.seam(pass, block.name()), (inner, in) -> block.apply(inner, in, time_B1C, masks.frameKeys_B11F()));
    }
    Modulation m = Modulation.of(pass, finalModulation, time_B1C);
    return f.leave(manager, output.apply(pass, x.normed(pass, m.vector(0), m.vector(1)).normed_BFC()));
  }
}
