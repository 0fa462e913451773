package dev.flowtraining.trainer.torch;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/**
 * ATen operators under autograd, whichever way reaches them: DJL's own calls where DJL has the operator, the dispatcher
 * by name for the others. Names are PyTorch's. A result joins the manager of the first operand, so a parameter is never
 * a first operand (it would gather results for the whole run).
 */
@SuppressWarnings("restricted") // native access is what this class is for
public final class Operators {
  private static final Dispatcher SILU = new Dispatcher("aten::silu", "");
  private static final Dispatcher GELU = new Dispatcher("aten::gelu", "");
  private static final Dispatcher MISH = new Dispatcher("aten::mish", "");
  private static final Dispatcher SIGMOID = new Dispatcher("aten::sigmoid", "");
  private static final Dispatcher ATTENTION = new Dispatcher("aten::scaled_dot_product_attention", "");
  private static final Dispatcher UNFOLD = new Dispatcher("aten::unfold", "");
  private static final Dispatcher NARROW = new Dispatcher("aten::narrow", "");
  private static final Dispatcher SOFTMAX = new Dispatcher("aten::_softmax", "");

  /** Numbers as tensors. libtorch passes such a tensor of the CPU to a device's kernel by value, without a copy. */
  private static final ConcurrentHashMap<Float, NDArray> NUMBERS = new ConcurrentHashMap<>();

  private static final MemorySegment TANH = string("tanh");

  private Operators() {}

  /** {@code x·Wᵀ + b}; the last axis of x is the input. */
  public static NDArray linear(NDArray x, NDArray weight, NDArray biasOrNull) {
    long[] shape = x.getShape().getShape();
    if (shape.length == 2 || !x.getDevice().isGpu()) {
      return JniUtils.linear((PtNDArray) x, (PtNDArray) weight, (PtNDArray) biasOrNull);
    }
    // of matrices the product itself adds the bias on a GPU, of arrays with more axes another pass over memory does
    NDArray rows = JniUtils.linear(
        (PtNDArray) x.reshape(-1, shape[shape.length - 1]), (PtNDArray) weight, (PtNDArray) biasOrNull);
    shape[shape.length - 1] = weight.getShape().get(0);
    return rows.reshape(shape);
  }

  /** Over the last axis. */
  public static NDArray layerNorm(NDArray x, NDArray weight, NDArray bias, double eps) {
    return JniUtils.layerNorm(
        (PtNDArray) x, new Shape(weight.size()), (PtNDArray) weight, (PtNDArray) bias, eps);
  }

  /** {@link #layerNorm} without weights of its own: DJL's call wants some, so they are constants. */
  static NDArray norm(NDArray x, double eps) {
    long channels = x.getShape().get(x.getShape().dimension() - 1);
    NDArray[] affine = PLAIN.computeIfAbsent(new Plain(channels, x.getDevice(), BFloat16.is(x)), plain -> {
      NDManager manager = NDManager.newBaseManager(x.getDevice(), "PyTorch");
      Shape shape = new Shape(channels);
      return new NDArray[] {Tensors.as(manager.ones(shape), x), Tensors.as(manager.zeros(shape), x)};
    });
    return layerNorm(x, affine[0], affine[1], eps);
  }

  private record Plain(long channels, Device device, boolean bfloat16) {}

  private static final ConcurrentHashMap<Plain, NDArray[]> PLAIN = new ConcurrentHashMap<>();

  /** Rows of a table: indices of any shape give that shape plus the row. */
  public static NDArray embedding(NDArray indices, NDArray table) {
    return JniUtils.embedding((PtNDArray) indices, (PtNDArray) table, false);
  }

  public static NDArray silu(NDArray x) {
    return SILU.call(x.getManager(), x);
  }

  public static NDArray mish(NDArray x) {
    return MISH.call(x.getManager(), x);
  }

  public static NDArray leakyRelu(NDArray x, double slope) {
    return JniUtils.leakyRelu((PtNDArray) x, slope);
  }

  /** x, and below zero eˣ − 1. */
  public static NDArray elu(NDArray x) {
    return JniUtils.elu((PtNDArray) x, 1);
  }

  /** Over the last axis of x (B,C,T), with zeros around it. Weight (out, C, K). */
  public static NDArray convolution(
      NDArray x, NDArray weight, NDArray bias, int stride, int padding, int dilation) {
    return JniUtils.convolution((PtNDArray) x, (PtNDArray) weight, (PtNDArray) bias, new Shape(stride),
        new Shape(padding), new Shape(dilation), 1);
  }

  /**
   * GELU in its tanh form. On the CPU and with newer libtorch one fused kernel; elsewhere
   * {@code x·sigmoid(2·√(2/π)·(x + 0.044715·x³))}, which is the same, since a C++ exception (out of device memory) must
   * not cross the direct call.
   */
  public static NDArray geluTanh(NDArray x) {
    LibTorch torch = LibTorch.get();
    if (torch.gelu != null && x.getDevice().equals(Device.cpu())) {
      return geluFused(torch, (PtNDArray) x);
    }
    if (torch.newString != null) {
      return GELU.call(x.getManager(), x, "tanh");
    }
    double k = 2 * Math.sqrt(2 / Math.PI);
    NDArray inner = scaleInPlace(x.square(), k * 0.044715).addi(number(k));
    return x.mul(SIGMOID.call(x.getManager(), x.mul(inner)));
  }

  private static NDArray geluFused(LibTorch torch, PtNDArray x) {
    try {
      long result = (long) torch.malloc.invokeExact(8L);
      long same = (long) torch.gelu.invokeExact(result, x.getHandle().longValue(), TANH);
      return new PtNDArray(x.getManager(), same);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot call gelu", e);
    }
  }

  /**
   * A number as an operand. Never DJL's operators with a {@code Number}: they free its memory at once, while the
   * backward pass still reads it, and copy it to the device each time.
   */
  public static NDArray number(double value) {
    return NUMBERS.computeIfAbsent((float) value,
        v -> NDManager.newBaseManager(Device.cpu(), "PyTorch").create(v.floatValue()));
  }

  /** {@link #number} for one use, outside of autograd. */
  public static NDArray number(NDManager scope, double value) {
    return scope.newSubManager(Device.cpu()).create((float) value);
  }

  /** {@code x·factor}. */
  public static NDArray scale(NDArray x, double factor) {
    return x.mul(number(factor));
  }

  /** {@link #scale} in place. */
  public static NDArray scaleInPlace(NDArray x, double factor) {
    return x.muli(number(factor));
  }

  /** Over the last axis. */
  public static NDArray softmax(NDArray x) {
    return SOFTMAX.call(x.getManager(), x, -1, false);
  }

  /** With a rate of 0 the array itself. */
  public static NDArray dropout(NDArray x, double rate) {
    return rate == 0 ? x : JniUtils.dropout((PtNDArray) x, rate, true);
  }

  /**
   * Softmax attention with scale 1/√D. q (B,H,T,D), k and v (B,H,S,D).
   *
   * @param maskOrNull booleans, true where a query may see a key; broadcasts to (B,H,T,S)
   */
  public static NDArray attention(NDArray q, NDArray k, NDArray v, NDArray maskOrNull) {
    Object mask = maskOrNull == null ? Dispatcher.NONE : new Dispatcher.Some(maskOrNull);
    return ATTENTION.call(q.getManager(), q, k, v, mask, 0.0, false, Dispatcher.NONE, false);
  }

  /** Windows of an axis as a view with one more axis at the end. */
  public static NDArray unfold(NDArray x, int axis, long size) {
    return UNFOLD.call(x.getManager(), x, axis, size, 1);
  }

  /** A stretch of an axis, as a view. */
  public static NDArray narrow(NDArray x, int axis, long start, long length) {
    return NARROW.call(x.getManager(), x, axis, start, length);
  }

  /** Windows over time with zeros around it, (B,T,C) → (B, T+before+after−K+1, C·K); those of a channel lie together. */
  static NDArray windows(NDArray x_BTC, long kernel, long before, long after) {
    NDArray windows_BTCK = unfold(pad(x_BTC, 1, before, after), 1, kernel);
    return windows_BTCK.reshape(
        x_BTC.getShape().get(0), windows_BTCK.getShape().get(1), x_BTC.getShape().get(2) * kernel);
  }

  /**
   * A convolution over time: {@link #windows}, multiplied as one matrix: no transposition, and on the CPU up to 14 %
   * faster than the convolution operator.
   */
  public static NDArray convolution(NDArray x_BTC, NDArray weight_OCK, NDArray bias, long before, long after) {
    NDArray weight_ON = Tensors.alias(x_BTC.getManager(), weight_OCK).reshape(weight_OCK.getShape().get(0), -1);
    return linear(windows(x_BTC, weight_OCK.getShape().get(2), before, after), weight_ON, bias);
  }

  static NDArray sigmoid(NDArray x) {
    return SIGMOID.call(x.getManager(), x);
  }

  /** Zeros around an axis. */
  public static NDArray pad(NDArray x, int axis, long before, long after) {
    long[] widths = new long[2 * (x.getShape().dimension() - axis)]; // torch counts axes from the last one
    widths[widths.length - 2] = before;
    widths[widths.length - 1] = after;
    return JniUtils.pad((PtNDArray) x, widths, 0);
  }

  private static MemorySegment string(String text) {
    MemorySegment view = Arena.global().allocate(
        MemoryLayout.structLayout(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
    view.set(ValueLayout.JAVA_LONG, 0, text.length());
    view.set(ValueLayout.ADDRESS, 8, Arena.global().allocateFrom(text));
    return view;
  }
}
