package dev.flowtraining.trainer.model;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.model.Parameters.Slot;
import dev.flowtraining.trainer.torch.StateDict;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Where each parameter lies in flat buffers, in the model's order. Each starts at a multiple of 64 bytes; the few elements
 * between them are zero and stay zero. What is trained comes first, so that it is one stretch; frozen parameters lie
 * behind it.
 */
final class Slots {
  private static final int ALIGNMENT = 16; // elements

  private final LinkedHashMap<String, Slot> byName = new LinkedHashMap<>();
  private final long trained;
  private final long size;

  Slots(List<ParameterSpec> specs, Parameters.Layout layout) {
    specs.forEach(spec -> byName.put(spec.name(), null)); // in the model's order, wherever they lie
    long end = place(specs.stream().filter(s -> !layout.frozen().contains(s.name())).toList(), 0);
    trained = Math.ceilDiv(end, (long) ALIGNMENT * layout.parts()) * ALIGNMENT * layout.parts();
    size = place(specs.stream().filter(s -> layout.frozen().contains(s.name())).toList(), trained);
  }

  private long place(List<ParameterSpec> specs, long from) {
    long offset = from;
    for (ParameterSpec spec : specs) {
      byName.put(spec.name(), new Slot(spec, offset));
      offset += Math.ceilDiv(spec.elements(), ALIGNMENT) * ALIGNMENT;
    }
    return offset;
  }

  List<Slot> all() {
    return List.copyOf(byName.values());
  }

  /** Elements of a buffer of all. */
  long size() {
    return size;
  }

  /** Elements from its start that are trained. */
  long trained() {
    return trained;
  }

  boolean isTrained(Slot slot) {
    return slot.offset() < trained;
  }

  /** @see Parameters#trainedFrom */
  long trainedFrom(String prefix) {
    return all().stream().dropWhile(s -> !s.spec().name().startsWith(prefix)).filter(this::isTrained)
        .mapToLong(Slot::offset).findFirst().orElse(trained);
  }

  /** Elements without those between tensors. */
  static long count(Stream<Slot> slots) {
    return slots.mapToLong(s -> s.spec().elements()).sum();
  }

  /** @see Parameters#named */
  LinkedHashMap<String, StateDict.Tensor> named(MemorySegment memory, Function<String, String> naming) {
    LinkedHashMap<String, StateDict.Tensor> tensors = new LinkedHashMap<>();
    // sliced before it becomes a ByteBuffer, which ends at 2 GiB
    byName.forEach((name, slot) -> {
      if (4 * (slot.offset() + slot.spec().elements()) <= memory.byteSize()) {
        tensors.put(naming.apply(name), new StateDict.Tensor(StateDict.DType.FLOAT32, slot.spec().shape(), memory
            .asSlice(4 * slot.offset(), 4 * slot.spec().elements()).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN)));
      }
    });
    return tensors;
  }

  /** Takes values that begin at an element of the stretch. */
  interface Sink {
    void write(long offset, FloatBuffer values);
  }

  /** The values of named tensors that lie between two elements; each tensor of which some do must be there. */
  void stretch(StateDict state, long start, long end, Function<String, String> naming, Sink sink) {
    byName.forEach((name, slot) -> {
      long from = Math.max(start, slot.offset());
      long to = Math.min(end, slot.offset() + slot.spec().elements());
      if (from >= to) {
        return;
      }
      StateDict.Tensor tensor = state.tensors().get(naming.apply(name));
      if (tensor == null || tensor.elements() != slot.spec().elements()) {
        throw new StageFailure(ExitCode.MISSING, "CheckpointMismatch",
            "the optimizer state lacks " + naming.apply(name) + " or has it in another shape");
      }
      FloatBuffer values = FloatBuffer.wrap(tensor.floats());
      sink.write(from - start, values.slice((int) (from - slot.offset()), (int) (to - from)));
    });
  }
}
