package dev.flowtraining.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.BFloat16;
import dev.flowtraining.trainer.torch.GradientBuffer;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Torch;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * All parameters of the model in one flat float32 buffer, and their gradients in another of the same layout. The named
 * tensors are views of the buffers, so that the optimizer, the norm and the exchange between ranks are single passes.
 * Each tensor starts at a multiple of 64 bytes; the few elements between tensors are zero and stay zero.
 */
public final class Parameters implements AutoCloseable {
  private static final int ALIGNMENT = 16; // elements

  /** Where a parameter lies in the flat buffers. */
  public record Slot(ParameterSpec spec, long offset) {}

  private final NDManager manager;
  private final LinkedHashMap<String, Slot> slots = new LinkedHashMap<>();
  private final Map<String, NDArray> views;
  private final long size;
  private final NDArray flat;
  private final NDArray grad;
  /** What passes compute with and their gradients when that is bfloat16; null when it is the masters. */
  private final Map<String, NDArray> halfViews;
  private final NDArray half;
  private final NDArray halfGrad;

  private Parameters(List<ParameterSpec> specs, Device device, Precision precision) {
    long offset = 0;
    for (ParameterSpec spec : specs) {
      slots.put(spec.name(), new Slot(spec, offset));
      offset += Math.ceilDiv(spec.elements(), ALIGNMENT) * ALIGNMENT;
    }
    size = offset;
    manager = NDManager.newBaseManager(device, "PyTorch");
    flat = manager.zeros(new Shape(size));
    grad = manager.zeros(new Shape(size));
    views = views(flat, precision == Precision.BF16 ? null : grad);
    half = precision == Precision.BF16 ? BFloat16.zerosLike(manager, flat) : null;
    halfGrad = half == null ? null : BFloat16.zerosLike(manager, flat);
    halfViews = half == null ? null : views(half, halfGrad);
  }

  /** Zeros, in float32; call {@link #initialise} or {@link #load}. {@link Torch#start} comes first. */
  public static Parameters create(ModelConfig model, Device device) {
    return create(model, device, Precision.FP32);
  }

  /** Float32 masters of which passes compute with a copy when the precision is bf16. */
  public static Parameters create(ModelConfig model, Device device, Precision precision) {
    return new Parameters(FlowModelParameters.of(model), device, precision);
  }

  private Map<String, NDArray> views(NDArray buffer, NDArray gradientsOrNull) {
    Map<String, NDArray> named = new LinkedHashMap<>();
    slots.forEach((name, slot) -> {
      NDArray view = Operators.detach(part(buffer, slot));
      if (gradientsOrNull != null) {
        view.setRequiresGradient(true);
        GradientBuffer.share(view, part(gradientsOrNull, slot));
      }
      named.put(name, view);
    });
    return named;
  }

  private static NDArray part(NDArray buffer, Slot slot) {
    return Operators.narrow(buffer, 0, slot.offset(), slot.spec().elements())
        .reshape(new Shape(slot.spec().shape()));
  }

  /** Draws every parameter afresh; the same seed gives the same values on every machine. */
  public void initialise(long seed) {
    slots.values().forEach(slot -> {
      FloatBuffer values = FloatBuffer.allocate(Math.toIntExact(slot.spec().elements()));
      new Initialiser(seed, slot.spec()).fill(values);
      write(flat, slot, values.rewind());
    });
    refresh();
  }

  /**
   * Copies the tensors of a checkpoint into the parameters.
   *
   * @param strict whether keys that are missing, unknown or of another shape are errors; otherwise what fits is taken
   * @throws StageFailure {@code CheckpointMismatch} with the keys; when none fits, in either mode
   */
  public void load(StateDict state, boolean strict) {
    KeyDifferences differences = KeyDifferences.of(state, slots());
    if (strict && !differences.none()
        || differences.missing().size() + differences.otherShape().size() == slots.size()) {
      throw new StageFailure(ExitCode.MISSING, "CheckpointMismatch", "the checkpoint does not fit the model of the "
          + "config: " + differences.text() + "; use a checkpoint of this model or set model: to the checkpoint's sizes");
    }
    slots.forEach((name, slot) -> {
      StateDict.Tensor tensor = state.tensors().get(name);
      if (tensor != null && Arrays.equals(tensor.shape(), slot.spec().shape())) {
        write(flat, slot, FloatBuffer.wrap(tensor.floats()));
      }
    });
    refresh();
  }

  /** Lets passes compute with the masters as they are now; whoever writes to {@link #flat} calls it. */
  public void refresh() {
    if (half != null) {
      Operators.copy(half, flat);
    }
  }

  /** Adds what a backward pass has left to {@link #grad}. */
  public void gather() {
    if (half != null) {
      try (NDArray sum = Operators.alias(manager, grad)) {
        sum.addi(halfGrad);
      }
      Operators.zero(halfGrad);
    }
  }

  /** What passes compute with. */
  Weights weights() {
    return new Weights(manager, half == null ? views : halfViews);
  }

  /** The parameters in float32. */
  Weights masters() {
    return new Weights(manager, views);
  }

  private static void write(NDArray buffer, Slot slot, FloatBuffer values) {
    try (NDArray part = Operators.narrow(buffer, 0, slot.offset(), slot.spec().elements());
        NDArray source = part.getManager().create(values, part.getShape())) {
      Operators.copy(part, source);
    }
  }

  /** All parameters under their names; see {@link #named}. */
  public StateDict stateDict() {
    return new StateDict(named(flat, Function.identity()));
  }

  /**
   * A buffer of the flat layout, such as an optimizer's moments, as named tensors, to be written to a file. On the CPU
   * they show the buffer's own memory, read-only, as production's weights and moments take 1.8 GB: they change with the
   * buffer and end with it. From a device they are a copy.
   */
  public LinkedHashMap<String, StateDict.Tensor> named(NDArray buffer, Function<String, String> naming) {
    MemorySegment all = buffer.getDevice().isGpu()
        ? MemorySegment.ofBuffer(buffer.toByteBuffer()) : Operators.memory(buffer).asReadOnly();
    LinkedHashMap<String, StateDict.Tensor> tensors = new LinkedHashMap<>();
    // sliced before it becomes a ByteBuffer, which ends at 2 GiB
    slots.forEach((name, slot) -> tensors.put(naming.apply(name), new StateDict.Tensor(StateDict.DType.FLOAT32,
        slot.spec().shape(), all.asSlice(4 * slot.offset(), 4 * slot.spec().elements()).asByteBuffer()
            .order(ByteOrder.LITTLE_ENDIAN))));
    return tensors;
  }

  /** The reverse of {@link #named}; every tensor must be there. */
  public void read(StateDict state, NDArray buffer, Function<String, String> naming) {
    slots.forEach((name, slot) -> {
      StateDict.Tensor tensor = state.tensors().get(naming.apply(name));
      if (tensor == null || tensor.elements() != slot.spec().elements()) {
        throw new StageFailure(ExitCode.MISSING, "CheckpointMismatch",
            "the optimizer state lacks " + naming.apply(name) + " or has it in another shape");
      }
      write(buffer, slot, FloatBuffer.wrap(tensor.floats()));
    });
  }

  /** A parameter in float32, never to be the first operand of an operator (see {@link Operators}). */
  public NDArray get(String name) {
    return masters().get(name);
  }

  public List<Slot> slots() {
    return List.copyOf(slots.values());
  }

  /** All parameters, one axis of {@link #size} elements. */
  public NDArray flat() {
    return flat;
  }

  /** All gradients, in the layout of {@link #flat}; backward passes and {@link #gather} add to it. */
  public NDArray grad() {
    return grad;
  }

  public void zeroGrad() {
    Operators.zero(grad);
    if (halfGrad != null) {
      Operators.zero(halfGrad);
    }
  }

  /** Elements of the flat buffers. */
  public long size() {
    return size;
  }

  /** Parameters of the model. */
  public long count() {
    return slots.values().stream().mapToLong(s -> s.spec().elements()).sum();
  }

  public Device device() {
    return flat.getDevice();
  }

  /** The memory of {@link #flat}; only on the CPU. */
  public MemorySegment flatData() {
    return Operators.memory(flat);
  }

  /** The memory of {@link #grad}, on its device. */
  public MemorySegment gradData() {
    return Operators.memory(grad);
  }

  @Override
  public void close() {
    manager.close();
  }
}
