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
 */
record Pass(NDManager manager, double dropout, Trace trace) {

  /** Sees intermediate values by name, so that a test can say where two implementations part. */
  @FunctionalInterface
  interface Trace {
    void see(String name, NDArray value);

    Trace NONE = (name, value) -> {};
  }

  /** A part of the network; what it computes on the way to its result is let go when it is done. */
  NDArray part(NDArray x, BiFunction<Pass, NDArray, NDArray> part) {
    try (NDManager inner = manager.newSubManager()) {
      NDArray y = part.apply(new Pass(inner, dropout, trace), Operators.alias(inner, x));
      y.attach(manager);
      return y;
    }
  }

  NDArray drop(NDArray x) {
    return Operators.dropout(x, dropout);
  }

  NDArray see(String name, NDArray value) {
    trace.see(name, value);
    return value;
  }
}
