package dev.flowtraining.trainer.tokens;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.models.OnnxModel;
import dev.flowtraining.trainer.torch.StateDict;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/** The encoder's tensors under FunASR's names, each checked for its shape. */
record SanmWeights(StateDict state, Path file, NDManager manager) {
  private static final String PREFIX = "encoder.";

  boolean has(String name) {
    return state.tensors().containsKey(PREFIX + name);
  }

  SanmLayer layer(String name) {
    int in = size(name + ".norm1.weight", 0);
    int out = size(name + ".norm2.weight", 0);
    int hidden = size(name + ".feed_forward.w_1.weight", 0);
    int taps = size(name + ".self_attn.fsmn_block.weight", 2);
    if (taps % 2 == 0) {
      throw OnnxModel.unreadable(file, name + " has an even kernel of " + taps, null);
    }
    return new SanmLayer(get(name + ".norm1.weight", in), get(name + ".norm1.bias", in),
        get(name + ".self_attn.linear_q_k_v.weight", 3L * out, in),
        get(name + ".self_attn.linear_q_k_v.bias", 3L * out),
        get(name + ".self_attn.fsmn_block.weight", out, 1, taps),
        get(name + ".self_attn.linear_out.weight", out, out), get(name + ".self_attn.linear_out.bias", out),
        get(name + ".norm2.weight", out), get(name + ".norm2.bias", out),
        get(name + ".feed_forward.w_1.weight", hidden, out), get(name + ".feed_forward.w_1.bias", hidden),
        get(name + ".feed_forward.w_2.weight", out, hidden), get(name + ".feed_forward.w_2.bias", out));
  }

  private int size(String name, int axis) {
    long[] shape = find(name).shape();
    if (shape.length <= axis) {
      throw OnnxModel.unreadable(file, PREFIX + name + " is of shape " + Arrays.toString(shape), null);
    }
    return Math.toIntExact(shape[axis]);
  }

  NDArray get(String name, long... shape) {
    StateDict.Tensor tensor = find(name);
    if (!Arrays.equals(tensor.shape(), shape)) {
      throw OnnxModel.unreadable(file, PREFIX + name + " is of shape " + Arrays.toString(tensor.shape()) + ", not "
          + Arrays.toString(shape), null);
    }
    return manager.create(FloatBuffer.wrap(tensor.floats()), new Shape(shape));
  }

  private StateDict.Tensor find(String name) {
    StateDict.Tensor tensor = state.tensors().get(PREFIX + name);
    if (tensor == null) {
      throw OnnxModel.unreadable(file, "it lacks " + PREFIX + name + ", so it is no streaming Paraformer of FunASR",
          null);
    }
    return tensor;
  }
}
