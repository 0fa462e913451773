package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Operators;
import java.util.function.BiFunction;

/**
 * One forward pass.
 *
 * @param manager owns what the pass creates
 * @param dropout rate within the encoder; 0 is off
 * @param trace sees intermediate values
 * @param blocks how it goes through the blocks
 */
record Pass(NDManager manager, double dropout, Trace trace, Blocks blocks) {

  Pass(NDManager manager, double dropout, Trace trace) {
    this(manager, dropout, trace, Blocks.PLAIN);
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

  Pass within(NDManager inner) {
    return new Pass(inner, dropout, trace, blocks);
  }

  NDArray drop(NDArray x) {
    return Operators.dropout(x, dropout);
  }

  NDArray see(String name, NDArray value) {
    trace.see(name, value);
    return value;
  }
}
