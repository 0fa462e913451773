package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.StateDict;
import java.lang.foreign.Arena;
import java.util.Optional;

/**
 * What turns gradients into new parameters, and all of its state.
 *
 * @param lossScale only in float16
 */
record Learner(Exchange exchange, Optimizer optimizer, Optional<LossScale> lossScale) implements AutoCloseable {

  static Learner of(Engine engine, Parameters parameters, Collective collective) {
    Exchange exchange = engine.exchange(parameters, collective);
    FlowConfig.Train train = engine.config().trainConf();
    Optimizer adam = new Adam(exchange.share(), train.optimConf(), train.optim().equals("adamw"));
    return new Learner(exchange, train.emaDecay() == 0 ? adam : new Averaged(adam, exchange.share(), train.emaDecay()),
        parameters.precision() == Precision.FP16 ? Optional.of(new LossScale(engine.lossScaling())) : Optional.empty());
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

  void load(StateDict state) {
    optimizer.load(state);
    lossScale.ifPresent(scale -> scale.load(state));
  }

  @Override
  public void close() {
    optimizer.close();
  }
}
