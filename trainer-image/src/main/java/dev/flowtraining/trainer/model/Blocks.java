package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Tensors;
import dev.flowtraining.trainer.torch.Torch;
import java.util.SplittableRandom;
import java.util.function.BiFunction;

/** How a pass goes through the blocks of the network. */
interface Blocks {

  /** A block; what it computes on the way to its result is let go when it is done. */
  NDArray apply(Pass pass, NDArray x, BiFunction<Pass, NDArray, NDArray> block);

  /** What several blocks read and gradients flow through. */
  default NDArray shared(NDArray x) {
    return x;
  }

  /** One after the other, with the draws that the generator gives. */
  Blocks PLAIN = (pass, x, block) -> {
    try (NDManager inner = pass.manager().newSubManager()) {
      NDArray y = block.apply(pass.within(inner), Tensors.alias(inner, x));
      y.attach(pass.manager());
      return y;
    }
  };

  /** With draws that are each block's own: the same whether it is computed once or again. */
  final class Seeded implements Blocks {
    private final long seed;
    private int blocks;

    Seeded(long seed) {
      this.seed = seed;
    }

    @Override
    public NDArray apply(Pass pass, NDArray x, BiFunction<Pass, NDArray, NDArray> block) {
      draw(seed, blocks++);
      return PLAIN.apply(pass, x, block);
    }

    static void draw(long seed, int block) {
      Torch.seed(new SplittableRandom(seed + block).nextLong());
    }
  }
}
