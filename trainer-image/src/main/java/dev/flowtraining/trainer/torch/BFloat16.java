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

  /** Whether a tensor is of this type. */
  public static boolean is(NDArray x) {
    LibTorch torch = LibTorch.get();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment type = arena.allocate(ValueLayout.JAVA_INT);
      int error = (int) torch.dtype.invokeExact(((PtNDArray) x).getHandle().longValue(), type);
      if (error != 0) {
        throw new OperatorFailure("libtorch does not tell the type of a tensor");
      }
      return type.get(ValueLayout.JAVA_INT, 0) == (int) torch.bfloat16.invokeExact();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot ask for the type of a tensor", e);
    }
  }

  /** Zeros in the shape and on the device of x. */
  public static NDArray zerosLike(NDManager manager, NDArray x) {
    try (NDArray one = scalar(manager); NDArray alias = Tensors.alias(manager, x);
        NDArray cast = Tensors.as(alias, one)) {
      NDArray zeros = Tensors.zerosLike(cast);
      zeros.attach(manager);
      return zeros;
    }
  }

  /** A tensor of one element on the manager's device; its value means nothing. */
  private static NDArray scalar(NDManager manager) {
    return empty(manager, 1);
  }

  /** With whatever lay there. */
  static NDArray empty(NDManager manager, long... shape) {
    LibTorch torch = LibTorch.get();
    boolean gpu = manager.getDevice().isGpu();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment sizes = arena.allocateFrom(ValueLayout.JAVA_LONG, shape);
      MemorySegment strides = arena.allocate(ValueLayout.JAVA_LONG, shape.length);
      for (long i = shape.length - 1, stride = 1; i >= 0; stride *= shape[(int) i], i--) {
        strides.setAtIndex(ValueLayout.JAVA_LONG, i, stride);
      }
      MemorySegment result = arena.allocate(ValueLayout.JAVA_LONG);
      int error = (int) torch.emptyStrided.invokeExact((long) shape.length, sizes, strides, (int) torch.bfloat16.invokeExact(),
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
