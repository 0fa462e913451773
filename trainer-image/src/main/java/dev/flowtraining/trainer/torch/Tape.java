package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A backward pass of our own, in reverse order of the forward pass. Arrays are known by identity: a function gives its
 * result as one object, and whoever reads it is given that object.
 */
final class Tape {
  private final NDManager manager;
  private final Deque<Step> steps = new ArrayDeque<>();
  private final Map<NDArray, NDArray> gradients = new IdentityHashMap<>();

  private record Step(NDManager kept, Consumer<NDManager> backward) {}

  /** @param manager of gradients and of what is kept for them */
  Tape(NDManager manager) {
    this.manager = manager;
  }

  /** A place for what a backward step will read; closed after it. */
  NDManager keep() {
    return manager.newSubManager();
  }

  /** @param backward is given a manager for what it makes on the way */
  void record(NDManager kept, Consumer<NDManager> backward) {
    steps.push(new Step(kept, backward));
  }

  /** Adds to the gradient of x, an array of x's size that becomes the tape's. */
  void add(NDArray x, NDArray gradient) {
    NDArray sum = gradients.get(x);
    if (sum == null) {
      gradient.attach(manager);
      gradients.put(x, gradient);
    } else {
      sum.addi(gradient);
    }
  }

  /** The whole gradient of y, which nobody reads again; null when nothing depends on y. */
  NDArray take(NDManager scope, NDArray y) {
    NDArray gradient = gradients.remove(y);
    if (gradient != null) {
      gradient.attach(scope);
    }
    return gradient;
  }

  /** The gradient of x so far, zeros at first, to be written in parts. */
  NDArray gradient(NDArray x, NDArray like) {
    return gradients.computeIfAbsent(x, none -> {
      NDArray zeros = Tensors.zerosLike(like);
      zeros.attach(manager);
      return zeros;
    });
  }

  void run() {
    while (!steps.isEmpty()) {
      Step step = steps.pop();
      try (NDManager kept = step.kept; NDManager scope = manager.newSubManager()) {
        step.backward.accept(scope);
      }
    }
    gradients.clear();
  }
}
