package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Tensors of bfloat16, a type that DJL does not know: it cannot make them, and asking one for its type or its values
 * fails. Operators take them as any other.
 */
@SuppressWarnings("restricted") // native access is what this class is for
public final class BFloat16 {
  private BFloat16() {}

  /** Zeros in the shape and on the device of x. */
  public static NDArray zerosLike(NDManager manager, NDArray x) {
    try (NDArray one = scalar(manager); NDArray alias = Operators.alias(manager, x);
        NDArray cast = Operators.as(alias, one)) {
      NDArray zeros = Operators.zerosLike(cast);
      zeros.attach(manager);
      return zeros;
    }
  }

  /** A tensor of one element on the manager's device; its value means nothing. */
  private static NDArray scalar(NDManager manager) {
    LibTorch torch = LibTorch.get();
    boolean gpu = manager.getDevice().isGpu();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment sizes = arena.allocateFrom(ValueLayout.JAVA_LONG, 1);
      MemorySegment strides = arena.allocateFrom(ValueLayout.JAVA_LONG, 1);
      MemorySegment result = arena.allocate(ValueLayout.JAVA_LONG);
      int error = (int) torch.emptyStrided.invokeExact(1L, sizes, strides, (int) torch.bfloat16.invokeExact(),
          gpu ? 1 : 0, gpu ? manager.getDevice().getDeviceId() : 0, result);
      if (error != 0) {
        throw new OperatorFailure("libtorch made no bfloat16 tensor");
      }
      return new PtNDArray((PtNDManager) manager, result.get(ValueLayout.JAVA_LONG, 0));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot make a bfloat16 tensor", e);
    }
  }
}
