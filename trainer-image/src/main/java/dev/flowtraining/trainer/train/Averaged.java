package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Tensors;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.function.Function;

/**
 * An optimizer with an exponential moving average of the parameters: after each step {@code a ← d·a + (1−d)·p}, where d
 * is the decay, but {@code (1+n)/(10+n)} while that is lower, n being the steps before: the first parameters, which are
 * random, are soon forgotten. Ranks with ZeRO average their own part each.
 */
final class Averaged implements Optimizer {
  private static final String STEPS = "ema_steps";

  private final Optimizer optimizer;
  private final Share share;
  private final double decay;
  private final NDManager manager;
  private final NDArray average;
  private long steps;

  Averaged(Optimizer optimizer, Share share, double decay) {
    this.optimizer = optimizer;
    this.share = share;
    this.decay = decay;
    manager = NDManager.newBaseManager(share.values().getDevice(), "PyTorch");
    average = manager.zeros(new Shape(share.length()));
  }

  @Override
  public void step(double lr, double gradScale) {
    begin();
    optimizer.step(lr, gradScale);
    try (NDManager scope = manager.newSubManager()) {
      follow(scope.create((float) (1 - decayNow())));
    }
  }

  @Override
  public void step(double lr, NDArray divisor, NDArray skip) {
    begin();
    optimizer.step(lr, divisor, skip);
    try (NDManager scope = manager.newSubManager()) {
      // nothing when the step was skipped, which only the device knows
      follow(Operators.scaleInPlace(scope.ones(new Shape(1)).subi(skip), 1 - decayNow()));
    }
  }

  private void begin() {
    if (steps == 0) {
      Tensors.copy(average, share.values());
    }
  }

  private void follow(NDArray weight) {
    Tensors.approach(average, share.values(), weight);
    steps++;
  }

  private double decayNow() {
    return Math.min(decay, (1.0 + steps) / (10.0 + steps));
  }

  @Override
  public boolean readsNothing() {
    return optimizer.readsNothing();
  }

  @Override
  public long steps() {
    return optimizer.steps();
  }

  @Override
  public long bytes() {
    return optimizer.bytes() + 4 * average.size();
  }

  @Override
  public StateDict state(Exchange exchange, Arena arena) {
    return optimizer.state(exchange, arena);
  }

  @Override
  public void load(StateDict state) {
    optimizer.load(state);
  }

  /** A whole model: what is frozen as it is. Before the first step the parameters themselves. */
  @Override
  public Optional<StateDict> average(Exchange exchange, Arena arena) {
    begin();
    Parameters parameters = share.parameters();
    LinkedHashMap<String, StateDict.Tensor> tensors = parameters.stateDict().tensors();
    tensors.putAll(parameters.named(exchange.whole(average, arena), Function.identity()));
    StateDict state = new StateDict(tensors);
    state.integers().put(STEPS, steps);
    return Optional.of(state);
  }

  @Override
  public void loadAverage(StateDict state) {
    share.parameters().read(state, average, share.start(), Function.identity());
    steps = state.integer(STEPS, 0);
  }

  @Override
  public void close() {
    optimizer.close();
    manager.close();
  }
}
