package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.collective.Alone;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Operators;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Data parallel: every rank has all gradients summed and does the whole step, the same one as the others. */
public record Replicated(Share share, Collective collective) implements Exchange {

  public static Replicated of(Parameters parameters, Collective collective) {
    return new Replicated(Share.whole(parameters), collective);
  }

  public static Replicated alone(Parameters parameters) {
    return of(parameters, new Alone());
  }

  @Override
  public void passDone() {}

  @Override
  public void sumGradients() {
    if (collective.worldSize() > 1) {
      collective.allReduce(Operators.memory(share.gradient()));
    }
  }

  @Override
  public double squares() {
    return GradientNorm.squares(share.gradient());
  }

  @Override
  public NDArray normOnDevice(NDManager manager) {
    return Operators.alias(manager, share.gradient()).norm();
  }

  @Override
  public void spreadParameters() {}

  @Override
  public MemorySegment whole(NDArray part, Arena arena) {
    return Parameters.contents(part);
  }
}
