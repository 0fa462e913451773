package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Tensors;
import java.util.Map;

/** The parameters as one pass computes with them, all of one type: the masters, or a copy of them in bfloat16. */
final class Weights {
  private final NDManager manager;
  private final Map<String, NDArray> tensors;

  Weights(NDManager manager, Map<String, NDArray> tensors) {
    this.manager = manager;
    this.tensors = tensors;
  }

  /** A parameter, never to be the first operand of an operator (see {@link Operators}). */
  NDArray get(String name) {
    NDArray tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("the model has no parameter " + name);
    }
    return tensor;
  }

  boolean has(String name) {
    return tensors.containsKey(name);
  }

  /** A manager that lives as long as the parameters, for constants of the model. */
  NDManager newManager() {
    return manager.newSubManager();
  }

  /** x in the type of the parameters. */
  NDArray as(NDArray x) {
    return Tensors.as(x, tensors.values().iterator().next());
  }
}
