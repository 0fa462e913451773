package dev.flowtraining.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.BFloat16;
import dev.flowtraining.trainer.torch.GradientBuffer;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Tensors;
import dev.flowtraining.trainer.torch.Torch;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * All parameters of the model in one flat float32 buffer, and their gradients in another of the same layout. The named
 * tensors are views of the buffers, so that the optimizer, the norm and the exchange between ranks are single passes.
 * {@link Slots} says where each lies.
 */
public final class Parameters implements AutoCloseable {
  /** Where a parameter lies in the flat buffers. */
  public record Slot(ParameterSpec spec, long offset) {}

  /**
   * @param frozen names that are not trained
   * @param parts of equal size that the trained stretch can be cut into, one for each rank
   * @param sumsOfPart whether {@link #grad} sums only one part; the passes' own gradients stay whole. Needs half
   *     precision, where the two are different buffers.
   */
  public record Layout(Set<String> frozen, int parts, boolean sumsOfPart) {
    /** Everything is trained, by one. */
    public static final Layout WHOLE = new Layout(Set.of(), 1, false);
  }

  private final NDManager manager;
  private final Slots slots;
  private final Map<String, NDArray> views;
  private final Layout layout;
  private final Precision precision;
  private final NDArray flat;
  private final NDArray grad;
  /** What passes compute with and their gradients when that is a half type; null when it is the masters. */
  private final Map<String, NDArray> halfViews;
  private final NDArray half;
  private final NDArray halfGrad;

  private Parameters(List<ParameterSpec> specs, Device device, Precision precision, Layout layout) {
    if (layout.sumsOfPart() && !precision.isHalf()) {
      throw new IllegalArgumentException("in float32 passes add to the sums themselves, which are whole");
    }
    this.layout = layout;
    this.precision = precision;
    slots = new Slots(specs, layout);
    manager = NDManager.newBaseManager(device, "PyTorch");
    flat = manager.zeros(new Shape(slots.size()));
    grad = manager.zeros(new Shape(layout.sumsOfPart() ? slots.trained() / layout.parts() : slots.trained()));
    views = views(flat, precision.isHalf() ? null : grad);
    half = precision.isHalf() ? zeros(precision, slots.size()) : null;
    halfGrad = half == null ? null : zeros(precision, slots.trained());
    halfViews = half == null ? null : views(half, halfGrad);
  }

  private NDArray zeros(Precision precision, long elements) {
    if (precision == Precision.FP16) {
      return manager.zeros(new Shape(elements), DataType.FLOAT16);
    }
    try (NDArray like = manager.zeros(new Shape(elements))) {
      return BFloat16.zerosLike(manager, like);
    }
  }

  /** Zeros, in float32; call {@link #initialise} or {@link #load}. {@link Torch#start} comes first. */
  public static Parameters create(ModelConfig model, Device device) {
    return create(model, device, Precision.FP32);
  }

  /** Float32 masters of which passes compute with a copy when the precision is bf16 or fp16. */
  public static Parameters create(ModelConfig model, Device device, Precision precision) {
    return create(model, device, precision, Layout.WHOLE);
  }

  /** @see #create(ModelConfig, Device, Precision) */
  public static Parameters create(ModelConfig model, Device device, Precision precision, Layout layout) {
    return new Parameters(FlowModelParameters.of(model), device, precision, layout);
  }

  private Map<String, NDArray> views(NDArray buffer, NDArray gradientsOrNull) {
    Map<String, NDArray> named = new LinkedHashMap<>();
    slots.all().forEach(slot -> {
      NDArray view = Tensors.detach(part(buffer, slot));
      if (gradientsOrNull != null && slots.isTrained(slot)) {
        view.setRequiresGradient(true);
        GradientBuffer.share(view, part(gradientsOrNull, slot));
      }
      named.put(slot.spec().name(), view);
    });
    return named;
  }

  private static NDArray part(NDArray buffer, Slot slot) {
    return Operators.narrow(buffer, 0, slot.offset(), slot.spec().elements())
        .reshape(new Shape(slot.spec().shape()));
  }

  /** Draws every parameter afresh; the same seed gives the same values on every machine. */
  public void initialise(long seed) {
    slots.all().forEach(slot -> {
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
        || differences.missing().size() + differences.otherShape().size() == slots.all().size()) {
      throw new StageFailure(ExitCode.MISSING, "CheckpointMismatch", "the checkpoint does not fit the model of the "
          + "config: " + differences.text() + "; use a checkpoint of this model or set model: to the checkpoint's sizes");
    }
    slots.all().forEach(slot -> {
      StateDict.Tensor tensor = state.tensors().get(slot.spec().name());
      if (tensor != null && Arrays.equals(tensor.shape(), slot.spec().shape())) {
        write(flat, slot, FloatBuffer.wrap(tensor.floats()));
      }
    });
    refresh();
  }

  /** Lets passes compute with the masters as they are now; whoever writes to {@link #flat} calls it. */
  public void refresh() {
    if (half != null) {
      Tensors.copy(half, flat);
    }
  }

  /** The first trained element of the parameters from the first one on whose name begins so, in the model's order. */
  long trainedFrom(String prefix) {
    return slots.trainedFrom(prefix);
  }

  /** Adds what a backward pass has left to {@link #grad}, unless that holds sums of a part only. */
  public void gather() {
    gather(0, slots.trained());
  }

  /** {@link #gather()} of a stretch. */
  void gather(long start, long length) {
    if (half != null && !layout.sumsOfPart()) {
      try (NDManager scope = manager.newSubManager()) {
        NDArray left = Operators.narrow(Tensors.alias(scope, halfGrad), 0, start, length);
        Operators.narrow(Tensors.alias(scope, grad), 0, start, length).addi(left);
        Tensors.zero(left);
      }
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
    write(buffer, slot.offset(), values);
  }

  private static void write(NDArray buffer, long start, FloatBuffer values) {
    try (NDArray part = Operators.narrow(buffer, 0, start, values.remaining());
        NDArray source = part.getManager().create(values, part.getShape())) {
      Tensors.copy(part, source);
    }
  }

  /** All parameters under their names; see {@link #named}. */
  public StateDict stateDict() {
    return new StateDict(named(contents(flat), Function.identity()));
  }

  /**
   * What a float32 buffer holds, to be read by {@link #named}. On the CPU its own memory, read-only, as production's
   * weights and moments take 1.8 GB: it changes with the buffer and ends with it. From a device it is a copy.
   */
  public static MemorySegment contents(NDArray buffer) {
    return buffer.getDevice().isGpu()
        ? MemorySegment.ofBuffer(buffer.toByteBuffer()) : Tensors.memory(buffer).asReadOnly();
  }

  /**
   * Memory of the flat layout as named tensors: of every parameter when it is as long as {@link #flat}, else of those
   * that are trained.
   */
  public LinkedHashMap<String, StateDict.Tensor> named(MemorySegment all, Function<String, String> naming) {
    return slots.named(all, naming);
  }

  /**
   * The reverse of {@link #named} for a buffer that holds the elements from {@code start} on of the trained stretch, as
   * many as it has; every tensor of that must be there.
   */
  public void read(StateDict state, NDArray buffer, long start, Function<String, String> naming) {
    slots.stretch(state, start, start + buffer.size(), naming,
        (offset, values) -> write(buffer, offset, values));
  }

  /** A parameter in float32, never to be the first operand of an operator (see {@link Operators}). */
  public NDArray get(String name) {
    return masters().get(name);
  }

  public List<Slot> slots() {
    return slots.all();
  }

  /** All parameters, one axis of {@link #size} elements. */
  public NDArray flat() {
    return flat;
  }

  /**
   * The gradients of the trained stretch, or with {@link Layout#sumsOfPart} of a part of it; backward passes and
   * {@link #gather} add to it.
   */
  public NDArray grad() {
    return grad;
  }

  /** What passes have added since {@link #gather}, in their own type; null in float32. */
  public NDArray passGradOrNull() {
    return halfGrad;
  }

  public void zeroGrad() {
    Tensors.zero(grad);
    if (halfGrad != null) {
      Tensors.zero(halfGrad);
    }
  }

  /** Elements of the flat buffers. */
  public long size() {
    return slots.size();
  }

  /** Elements from the start of the flat buffers that are trained. */
  public long trained() {
    return slots.trained();
  }

  /** What passes compute in. */
  public Precision precision() {
    return precision;
  }

  public Layout layout() {
    return layout;
  }

  /** Parameters of the model. */
  public long count() {
    return Slots.count(slots.all().stream());
  }

  /** Those of {@link #count} that are trained. */
  public long trainedCount() {
    return Slots.count(slots.all().stream().filter(slots::isTrained));
  }

  public Device device() {
    return flat.getDevice();
  }

  /** The memory of {@link #flat}; only on the CPU. */
  public MemorySegment flatData() {
    return Tensors.memory(flat);
  }

  /** The memory of {@link #grad}, on its device. */
  public MemorySegment gradData() {
    return Tensors.memory(grad);
  }

  @Override
  public void close() {
    manager.close();
  }
}
