package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Tensors as things: who holds them, where they lie, their like, and what is written in place. */
@SuppressWarnings("restricted") // native access is what this class is for
public final class Tensors {
  private static final Dispatcher SET = new Dispatcher("aten::set_", "source_Tensor");
  private static final Dispatcher COPY = new Dispatcher("aten::copy_", "");
  private static final Dispatcher LERP = new Dispatcher("aten::lerp_", "Tensor");
  private static final Dispatcher ZERO = new Dispatcher("aten::zero_", "");
  private static final Dispatcher DETACH = new Dispatcher("aten::detach", "");
  private static final Dispatcher FUSED_ADAM = new Dispatcher("aten::_fused_adam_", "");
  private static final Dispatcher FUSED_ADAMW = new Dispatcher("aten::_fused_adamw_", "");
  private static final Dispatcher TYPE_AS = new Dispatcher("aten::type_as", "");
  private static final Dispatcher ZEROS_LIKE = new Dispatcher("aten::zeros_like", "");
  private static final Dispatcher EMPTY_LIKE = new Dispatcher("aten::empty_like", "");
  private static final Dispatcher CONTIGUOUS = new Dispatcher("aten::contiguous", "");
  private static final Dispatcher PIN_MEMORY = new Dispatcher("aten::pin_memory", "");

  private Tensors() {}

  /** The same tensor, a parameter say, under another manager, so that results of it go there. */
  public static NDArray alias(NDManager manager, NDArray x) {
    try {
      return new PtNDArray((PtNDManager) manager, Dispatcher.reference(LibTorch.get(), (PtNDArray) x));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot refer to a tensor", e);
    }
  }

  /** The same values outside the graph. */
  public static NDArray detach(NDArray x) {
    return DETACH.call(x.getManager(), x);
  }

  /** Whether a backward pass from the tensor reaches anything. */
  public static boolean isRecorded(NDArray x) {
    try {
      // an at::Tensor is a pointer to what it is
      MemorySegment tensor = MemorySegment.ofAddress(((PtNDArray) x).getHandle()).reinterpret(8);
      return (boolean) LibTorch.get().requiresGrad.invokeExact(tensor.get(ValueLayout.JAVA_LONG, 0));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot ask a tensor for its graph", e);
    }
  }

  /** Where a contiguous float32 tensor lies, on its device; valid while the tensor lives. */
  public static MemorySegment memory(NDArray x) {
    LibTorch torch = LibTorch.get();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment slot = arena.allocate(ValueLayout.ADDRESS);
      int error = (int) torch.dataPointer.invokeExact(((PtNDArray) x).getHandle().longValue(), slot);
      if (error != 0) {
        throw new OperatorFailure("no data pointer for a tensor of shape " + x.getShape());
      }
      return slot.get(ValueLayout.ADDRESS, 0).reinterpret(4 * x.size());
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot read a data pointer", e);
    }
  }

  /** The values of x in the type, and on the device, of another tensor; x itself when they are equal. */
  public static NDArray as(NDArray x, NDArray like) {
    return TYPE_AS.call(x.getManager(), x, like);
  }

  /** x itself when its elements lie in order. */
  static NDArray contiguous(NDArray x) {
    return CONTIGUOUS.call(x.getManager(), x, 0);
  }

  /** Of the shape and type of x, with whatever lay there. */
  static NDArray emptyLike(NDManager manager, NDArray x) {
    return EMPTY_LIKE.call(manager, x, Dispatcher.NONE, Dispatcher.NONE, Dispatcher.NONE, Dispatcher.NONE,
        Dispatcher.NONE);
  }

  /** Of the shape and type of x. */
  static NDArray zerosLike(NDArray x) {
    return ZEROS_LIKE.call(x.getManager(), x, Dispatcher.NONE, Dispatcher.NONE, Dispatcher.NONE, Dispatcher.NONE,
        Dispatcher.NONE);
  }

  /** A copy in memory that a device reads while the host goes on. */
  static NDArray pinned(NDArray x) {
    return PIN_MEMORY.call(x.getManager(), x, Dispatcher.NONE);
  }

  /** In place. */
  public static void zero(NDArray x) {
    ZERO.run(x.getManager(), x);
  }

  /** In place: the elements of another tensor, from any device. DJL's {@code set} replaces the storage instead. */
  public static void copy(NDArray x, NDArray source) {
    COPY.run(x.getManager(), x, source, false);
  }

  /** {@link #copy} from pinned memory; returns before it is done. */
  static void copyLater(NDArray x, NDArray pinned) {
    COPY.run(x.getManager(), x, pinned, true);
  }

  /** Makes a tensor show the storage of another one. */
  static void set(NDArray tensor, NDArray source) {
    SET.run(tensor.getManager(), tensor, source);
  }

  /** In place: {@code x + weight·(end − x)}, without a tensor in between. */
  public static void approach(NDArray x, NDArray end, NDArray weight) {
    LERP.run(x.getManager(), x, end, weight);
  }

  /** Adds a·b, of matrices, to a sum. */
  static void addProduct(NDArray sum, NDArray a, NDArray b) {
    LibTorch torch = LibTorch.get();
    if (torch.addProduct == null || !sum.getDevice().isGpu()) {
      sum.addi(a.matMul(b));
      return;
    }
    try {
      long to = ((PtNDArray) sum).getHandle().longValue();
      int error = (int) torch.addProduct.invokeExact(to, to, ((PtNDArray) a).getHandle().longValue(),
          ((PtNDArray) b).getHandle().longValue(), 1.0, 1.0);
      if (error != 0) {
        throw OperatorFailure.of("aten::addmm", List.of(sum, a, b));
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot call addmm", e);
    }
  }

  /** Whether this libtorch can be asked for {@link #fusedAdam}. */
  public static boolean hasFusedAdam() {
    return LibTorch.get().takesLists();
  }

  /**
   * torch's fused Adam or AdamW over whole buffers, in place, and with nothing read by the host.
   *
   * @param steps one float: steps done, this one included
   * @param divisor of the gradients, one float, which are overwritten by the quotients
   * @param skip one float: 1 leaves all as it is
   */
  public static void fusedAdam(boolean decoupledWeightDecay, NDArray parameter, NDArray gradient, NDArray average,
      NDArray squareAverage, NDArray steps, double lr, double beta1, double beta2, double weightDecay, double eps,
      NDArray divisor, NDArray skip) {
    (decoupledWeightDecay ? FUSED_ADAMW : FUSED_ADAM).run(List.of(parameter), List.of(gradient), List.of(average),
        List.of(squareAverage), List.of(), List.of(steps), lr, beta1, beta2, weightDecay, eps, false, false,
        new Dispatcher.Some(divisor), new Dispatcher.Some(skip));
  }
}
