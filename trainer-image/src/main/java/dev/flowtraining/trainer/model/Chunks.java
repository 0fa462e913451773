package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Tensors;
import java.nio.FloatBuffer;

/**
 * What attention sees in streaming: query i the keys {@code j < (⌊i/C⌋+1)·C}, which are its own chunk of C and all
 * before. Convolutions see what they always see.
 */
final class Chunks {
  private final int size;
  private final NDManager manager;
  private final Weights weights;
  private int longest;
  private NDArray keys_1N;
  private NDArray limits_N1;

  /** @param size C */
  Chunks(Weights weights, int size) {
    this.weights = weights;
    this.size = size;
    manager = weights.newManager();
  }

  /** (N,N) to add to attention scores: 0 where a query (row) sees a key (column), −∞ elsewhere. */
  NDArray mask_NN(NDManager pass, int length) {
    reserve(length);
    NDArray keys = Operators.narrow(Tensors.alias(pass, keys_1N), 1, 0, length);
    NDArray limits = Operators.narrow(Tensors.alias(pass, limits_N1), 0, 0, length);
    // the logarithm of 1 and 0
    return weights.as(keys.lt(limits).toType(DataType.FLOAT32, false).log());
  }

  /** Makes what masks of so many steps are made from, so that {@link #mask_NN} copies nothing to the device. */
  void reserve(int length) {
    if (length <= longest) {
      return;
    }
    longest = Math.max(length, 2 * longest); // what there was stays: a pass that goes on may read it
    float[] keys = new float[longest];
    float[] limits = new float[longest];
    for (int i = 0; i < longest; i++) {
      keys[i] = i;
      limits[i] = (i / size + 1) * size;
    }
    keys_1N = manager.create(FloatBuffer.wrap(keys), new Shape(1, longest));
    limits_N1 = manager.create(FloatBuffer.wrap(limits), new Shape(longest, 1));
  }
}
