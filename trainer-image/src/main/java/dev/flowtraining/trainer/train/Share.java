package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Operators;

/**
 * The stretch of the flat buffers that one rank's optimizer works on: all that is trained, or with ZeRO one of as many
 * equal parts as there are ranks.
 *
 * @param start first element within the trained stretch
 * @param values the masters of the stretch, a view
 * @param gradient the sums of their gradients, a view
 */
public record Share(Parameters parameters, int rank, int ranks, long start, NDArray values, NDArray gradient) {

  public static Share whole(Parameters parameters) {
    return of(parameters, 0, 1);
  }

  /** The part of one rank; {@link Parameters#layout} has as many parts as there are ranks, or a multiple of that. */
  static Share of(Parameters parameters, int rank, int ranks) {
    long length = parameters.trained() / ranks;
    NDArray gradient = parameters.layout().sumsOfPart()
        ? parameters.grad() : Operators.narrow(parameters.grad(), 0, rank * length, length);
    return new Share(parameters, rank, ranks, rank * length,
        Operators.narrow(parameters.flat(), 0, rank * length, length), gradient);
  }

  /** Elements. */
  long length() {
    return values.size();
  }
}
