package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Tensors;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.BiFunction;

/**
 * Activation recomputation (arXiv 1604.06174): of a block the forward pass keeps its input alone, and the backward pass
 * computes the block again, with the same draws, to go back through it. Gradients are those of a plain pass, bit for
 * bit where operators are.
 *
 * <p>A block's result is cut off from the block, so that the graph is a chain of pieces. They are gone through from the
 * last to the first, each from the gradient that the ones after it have left at the cut.
 */
final class Recomputed implements Blocks {
  private final long seed;
  private final Deque<Cut> cuts = new ArrayDeque<>();
  private int blocks;

  /**
   * @param result what came after the cut went on with
   * @param again computes what came before it, under a manager
   */
  private record Cut(NDManager manager, NDArray result, Again again) {}

  private interface Again {
    NDArray in(NDManager manager);
  }

  /** @param seed of the blocks' draws */
  Recomputed(long seed) {
    this.seed = seed;
  }

  @Override
  public NDArray apply(Pass pass, NDArray x, BiFunction<Pass, NDArray, NDArray> block) {
    int index = blocks++;
    Again again = inner -> {
      Seeded.draw(seed, index);
      return block.apply(pass.within(inner), Tensors.alias(inner, x));
    };
    try (NDManager inner = pass.manager().newSubManager()) {
      // recorded although nobody goes back through it: operators may choose otherwise when they are not
      return cut(pass.manager(), again.in(inner), again);
    }
  }

  /** Or each block would go back through what has led here, which can be done only once. */
  @Override
  public NDArray shared(NDArray x) {
    return cut(x.getManager(), x, manager -> x);
  }

  private NDArray cut(NDManager manager, NDArray x, Again again) {
    NDArray result = Tensors.detach(x);
    result.attach(manager);
    if (Tensors.isRecorded(x)) {
      result.setRequiresGradient(true);
      cuts.push(new Cut(manager, result, again));
    }
    return result;
  }

  /** Adds d(loss)/d(parameter), times the given gradient of the loss, to every parameter's gradient. */
  void backward(NDArray loss, NDArray gradient) {
    Backward.run(loss, gradient);
    while (!cuts.isEmpty()) {
      Cut cut = cuts.pop();
      try (NDManager inner = cut.manager.newSubManager();
          NDArray arrived = Backward.gradient(cut.result);
          var _ = Backward.recording(true)) {
        Backward.run(cut.again.in(inner), arrived);
      }
      cut.result.close();
    }
  }
}
