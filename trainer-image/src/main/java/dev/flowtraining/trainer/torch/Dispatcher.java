package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * One operator of ATen, called by name through {@code aoti_torch_call_dispatcher} and thus under autograd.
 *
 * <p>libtorch 2.7 takes tensors, integers, floats, booleans and optionals of these this way, newer ones lists
 * ({@link LibTorch#takesLists}) and strings too; numbers of open type ({@code Scalar}) are refused.
 */
@SuppressWarnings("restricted") // native access is what this class is for
final class Dispatcher {
  /** An absent optional argument. */
  static final Object NONE = new Object();

  /** A present optional argument: the schema says {@code T?}. */
  record Some(Object value) {}

  private static final ThreadLocal<MemorySegment> STACK =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(ValueLayout.JAVA_LONG, 24));

  private final LibTorch torch = LibTorch.get();
  private final MemorySegment name;
  private final MemorySegment overload;
  private final String title;

  Dispatcher(String name, String overload) {
    this.name = Arena.global().allocateFrom(name);
    this.overload = Arena.global().allocateFrom(overload);
    this.title = overload.isEmpty() ? name : name + '.' + overload;
  }

  /** Calls an operator that returns one tensor, which joins the given manager. */
  NDArray call(NDManager manager, Object... arguments) {
    return new PtNDArray((PtNDManager) manager, invoke(arguments));
  }

  /** Calls an operator that returns nothing. */
  void run(Object... arguments) {
    invoke(arguments);
  }

  /** Calls an in-place operator; the reference that it returns is dropped. */
  void run(NDManager manager, Object... arguments) {
    call(manager, arguments).close();
  }

  private long invoke(Object... arguments) {
    MemorySegment stack = STACK.get();
    try {
      for (int i = 0; i < arguments.length; i++) {
        stack.setAtIndex(ValueLayout.JAVA_LONG, i, bits(arguments[i]));
      }
      int error = (int) torch.callDispatcher.invokeExact(name, overload, stack);
      if (error == 0) {
        return stack.getAtIndex(ValueLayout.JAVA_LONG, 0);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new OperatorFailure("cannot call " + title, e);
    }
    throw OperatorFailure.of(title, List.of(arguments));
  }

  private long bits(Object argument) throws Throwable {
    return switch (argument) {
      // the call takes ownership of its tensors, so it gets references of its own
      case PtNDArray array -> reference(torch, array);
      case Integer number -> number;
      case Long number -> number;
      case Double number -> Double.doubleToRawLongBits(number);
      case Boolean flag -> flag ? 1 : 0;
      case Some(Object value) -> onHeap(bits(value));
      case List<?> list -> list(list);
      case String text -> string(text);
      default -> {
        if (argument != NONE) {
          throw new IllegalArgumentException(title + " was given a " + argument.getClass());
        }
        yield 0;
      }
    };
  }

  /** Another {@code at::Tensor*} for the same tensor. */
  static long reference(LibTorch torch, PtNDArray array) throws Throwable {
    MemorySegment slot = SLOT.get();
    int error = (int) torch.newHandle.invokeExact(array.getHandle().longValue(), slot);
    if (error != 0) {
      throw new OperatorFailure("libtorch gave no reference to a tensor of shape " + array.getShape());
    }
    return slot.get(ValueLayout.JAVA_LONG, 0);
  }

  private static final ThreadLocal<MemorySegment> SLOT =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(ValueLayout.JAVA_LONG));

  /** libtorch reads a string and deletes it. */
  private long string(String text) throws Throwable {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment slot = arena.allocate(ValueLayout.JAVA_LONG);
      int error = (int) torch.newString.invokeExact(arena.allocateFrom(text), (long) text.length(), slot);
      if (error != 0) {
        throw new OperatorFailure("libtorch made no string for " + title);
      }
      return slot.get(ValueLayout.JAVA_LONG, 0);
    }
  }

  /** libtorch reads a list and deletes it. */
  private long list(List<?> values) throws Throwable {
    MemorySegment slot = SLOT.get();
    int error = (int) torch.newList.invokeExact((long) values.size(), slot);
    long list = slot.get(ValueLayout.JAVA_LONG, 0);
    for (Object value : values) {
      error |= (int) torch.pushBack.invokeExact(list, bits(value));
    }
    if (error != 0) {
      throw new OperatorFailure("libtorch made no list of arguments for " + title);
    }
    return list;
  }

  /** libtorch reads an optional through a pointer and deletes it. */
  private long onHeap(long bits) throws Throwable {
    long address = (long) torch.malloc.invokeExact(8L);
    MemorySegment.ofAddress(address).reinterpret(8).set(ValueLayout.JAVA_LONG, 0, bits);
    return address;
  }
}
