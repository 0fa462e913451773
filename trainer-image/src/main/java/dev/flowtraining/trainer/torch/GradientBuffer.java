package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** Lets autograd accumulate a parameter's gradient where the caller wants it. */
public final class GradientBuffer {
  private GradientBuffer() {}

  /**
   * Makes {@code parameter.grad} show the memory of {@code target}, which has the parameter's shape. DJL has no
   * setter for a gradient, so a backward pass from the parameter itself creates one, and that tensor is then given the
   * target's storage. Autograd adds in place from then on.
   */
  public static void share(NDArray parameter, NDArray target) {
    try (NDArray zeros = Tensors.zerosLike(parameter);
        var _ = Backward.recording(true)) {
      JniUtils.backward((PtNDArray) parameter, (PtNDArray) zeros, false, false);
    }
    try (NDArray gradient = JniUtils.getGradient((PtNDArray) parameter)) {
      Tensors.set(gradient, target);
    }
  }
}
