package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Autograd;
import dev.flowtraining.trainer.torch.Functions;
import dev.flowtraining.trainer.torch.Operators;
import java.util.function.BiFunction;

/**
 * One forward pass.
 *
 * @param manager owns what the pass creates
 * @param dropout rate within the encoder; 0 is off
 * @param trace sees intermediate values
 * @param blocks how it goes through the blocks
 * @param functions how the DiT is computed
 */
record Pass(NDManager manager, double dropout, Trace trace, Blocks blocks, Functions functions) {

  /** Composed of operators. */
  Pass(NDManager manager, double dropout, Trace trace) {
    this(manager, dropout, trace, Blocks.PLAIN, new Autograd());
  }

  /** Sees intermediate values by name, so that a test can say where two implementations part. */
  @FunctionalInterface
  interface Trace {
    void see(String name, NDArray value);

    Trace NONE = (name, value) -> {};
  }

  NDArray block(NDArray x, BiFunction<Pass, NDArray, NDArray> block) {
    return blocks.apply(this, x, block);
  }

  /** A block between residuals. Autograd's are added up in the block; others leave that to the norm of the next one. */
  Residual block(Residual x, BiFunction<Pass, Residual, Residual> block) {
    if (functions instanceof Autograd) {
      return Residual.of(block(x.sum(), (inner, in) -> block.apply(inner, Residual.of(in)).sum()));
    }
    try (NDManager inner = manager.newSubManager()) {
      return block.apply(within(inner), x).attach(manager);
    }
  }

  Pass within(NDManager inner) {
    return new Pass(inner, dropout, trace, blocks, functions);
  }

  /** The same pass with autograd's gradients, for parts that are not written as {@link Functions}. */
  Pass composed() {
    return new Pass(manager, dropout, trace, blocks, functions.composed());
  }

  NDArray drop(NDArray x) {
    return Operators.dropout(x, dropout);
  }

  /** Whether somebody looks, so that what only a trace needs is computed. */
  boolean isSeen() {
    return trace != Trace.NONE;
  }

  NDArray see(String name, NDArray value) {
    trace.see(name, value);
    return value;
  }
}
