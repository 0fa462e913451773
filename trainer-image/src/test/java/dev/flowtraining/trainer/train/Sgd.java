package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Tensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;

/** Gradient descent: a difference of gradients is one of parameters, and no quotient makes a large one of a small one. */
final class Sgd implements Optimizer {
  private final Share share;
  private long steps;

  Sgd(Share share) {
    this.share = share;
  }

  @Override
  public void step(double lr, double gradScale) {
    MemorySegment p = Tensors.memory(share.values());
    MemorySegment g = Tensors.memory(share.gradient());
    float factor = (float) (lr * gradScale);
    for (long i = 0; i < share.length(); i++) {
      p.setAtIndex(ValueLayout.JAVA_FLOAT, i,
          p.getAtIndex(ValueLayout.JAVA_FLOAT, i) - factor * g.getAtIndex(ValueLayout.JAVA_FLOAT, i));
    }
    steps++;
  }

  @Override
  public boolean readsNothing() {
    return false;
  }

  @Override
  public void step(double lr, NDArray divisor, NDArray skip) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long steps() {
    return steps;
  }

  @Override
  public long bytes() {
    return 0;
  }

  @Override
  public StateDict state(Exchange exchange, Arena arena) {
    return new StateDict(new LinkedHashMap<>());
  }

  @Override
  public void load(StateDict state) {}

  @Override
  public void close() {}
}
