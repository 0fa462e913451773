package dev.flowtraining.trainer.torch;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.stream.Collectors;

/** libtorch refused or could not finish an operator; it printed its own message to standard error. */
public final class OperatorFailure extends RuntimeException {
  private final boolean outOfMemory;

  OperatorFailure(String message) {
    this(message, false);
  }

  private OperatorFailure(String message, boolean outOfMemory) {
    super(message);
    this.outOfMemory = outOfMemory;
  }

  OperatorFailure(String message, Throwable cause) {
    super(message, cause);
    outOfMemory = false;
  }

  /** The call's error code does not say why it failed, so the device is asked for as much as the arguments take. */
  static OperatorFailure of(String operator, List<Object> arguments) {
    NDArray largest = null;
    for (Object argument : arguments) {
      if (argument instanceof NDArray array && (largest == null || array.size() > largest.size())) {
        largest = array;
      }
    }
    boolean full = largest != null && largest.getDevice().isGpu() && full(largest);
    String what = operator + (full ? " found no memory on the device for " : " failed for ") + arguments.stream()
        .map(a -> a instanceof NDArray n ? n.getShape().toString() : String.valueOf(a))
        .collect(Collectors.joining(", ")) + "; libtorch's message is on standard error";
    return new OperatorFailure(what, full);
  }

  private static boolean full(NDArray like) {
    try {
      like.getManager().zeros(new Shape(Math.max(1, like.size()))).close();
      return false;
    } catch (EngineException e) {
      return true;
    }
  }

  /** Whether the device's memory was full. */
  public boolean outOfMemory() {
    return outOfMemory;
  }
}
