package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** Autograd, without DJL's gradient collector, of which a process may have only one and which leaks on zeroing. */
public final class Backward {
  private Backward() {}

  /** Adds d(loss)/d(parameter) to every parameter's gradient and frees the graph. The loss is a scalar. */
  public static void run(NDArray loss) {
    try (NDArray one = loss.onesLike()) {
      run(loss, one);
    }
  }

  /** {@link #run(NDArray)} with the gradient of the loss itself; it has the loss's shape, which may be any. */
  public static void run(NDArray loss, NDArray gradient) {
    JniUtils.backward((PtNDArray) loss, (PtNDArray) gradient, false, false);
  }

  /** What has arrived at a tensor that gradients are kept for. */
  public static NDArray gradient(NDArray tensor) {
    return JniUtils.getGradient((PtNDArray) tensor);
  }

  /** Switches recording on this thread; closing the result switches back. */
  public static Recording recording(boolean on) {
    boolean before = JniUtils.isGradMode();
    JniUtils.setGradMode(on);
    return () -> JniUtils.setGradMode(before);
  }

  /** Restores the former mode when closed. */
  public interface Recording extends AutoCloseable {
    @Override
    void close();
  }
}
