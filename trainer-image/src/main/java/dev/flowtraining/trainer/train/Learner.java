package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Tensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Optional;

/**
 * What turns gradients into new parameters, and all of its state.
 *
 * @param lossScale only in float16
 * @param showsAverage whether the moving average is what {@link #shown} shows
 */
record Learner(Exchange exchange, Optimizer optimizer, Optional<LossScale> lossScale, boolean showsAverage)
    implements AutoCloseable {

  static Learner of(Engine engine, Parameters parameters, Collective collective) {
    Exchange exchange = engine.exchange(parameters, collective);
    FlowConfig.Train train = engine.config().trainConf();
    Optimizer adam = new Adam(exchange.share(), train.optimConf(), train.optim().equals("adamw"));
    return new Learner(exchange, train.emaDecay() == 0 ? adam : new Averaged(adam, exchange.share(), train.emaDecay()),
        parameters.precision() == Precision.FP16 ? Optional.of(new LossScale(engine.lossScaling())) : Optional.empty(),
        train.validateEma());
  }

  Parameters parameters() {
    return exchange.share().parameters();
  }

  /** See {@link Optimizer#state}. */
  StateDict state(Arena arena) {
    StateDict state = optimizer.state(exchange, arena);
    lossScale.ifPresent(scale -> scale.save(state));
    return state;
  }

  /** The moving average of the parameters, when one is kept; see {@link Optimizer#average}. */
  Optional<StateDict> average(Arena arena) {
    return optimizer.average(exchange, arena);
  }

  /** What looks at the parameters as they are judged. */
  @FunctionalInterface
  interface Look<T> {
    T at() throws IOException;
  }

  /**
   * Looks at the parameters; with {@code train_conf.validate_ema} at their moving average, which is in their place
   * meanwhile: then they are back, bit for bit. All ranks call it. That takes as much memory as the weights.
   */
  <T> T shown(Look<T> look) throws IOException {
    if (!showsAverage) {
      return look.at();
    }
    Parameters parameters = parameters();
    try (Arena arena = Arena.ofConfined(); NDArray trained = parameters.flat().duplicate()) {
      parameters.load(average(arena).orElseThrow(), true);
      try {
        return look.at();
      } finally {
        Tensors.copy(parameters.flat(), trained);
        parameters.refresh();
      }
    }
  }

  void load(StateDict state) {
    optimizer.load(state);
    lossScale.ifPresent(scale -> scale.load(state));
  }

  @Override
  public void close() {
    optimizer.close();
    exchange.close();
  }
}
