package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.collective.Alone;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Pieces;
import dev.flowtraining.trainer.torch.SideLine;
import dev.flowtraining.trainer.torch.Tensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Data parallel: every rank has all gradients summed and does the whole step, the same one as the others. */
public final class Replicated implements Exchange {
  private final Share share;
  private final SideLine side;
  private final InPieces sums;

  public Replicated(Parameters parameters, Collective collective, Pieces pieces) {
    share = Share.whole(parameters);
    side = SideLine.of(parameters.device());
    sums = new InPieces(pieces, side, piece -> {
      if (collective.worldSize() > 1) {
        collective.allReduce(Tensors.memory(share.gradient())
            .asSlice(Float.BYTES * piece.start(), Float.BYTES * piece.length()));
      }
    });
  }

  public static Replicated alone(Parameters parameters) {
    return new Replicated(parameters, new Alone(), Pieces.whole(parameters));
  }

  @Override
  public Share share() {
    return share;
  }

  @Override
  public Pieces pieces() {
    return sums.pieces();
  }

  @Override
  public void passBegins(boolean last) {
    if (last) {
      sums.begin();
    }
  }

  @Override
  public void gradientsFinal(int pieces) {
    sums.areFinal(pieces);
  }

  @Override
  public void passDone() {}

  @Override
  public void sumGradients() {
    sums.finish();
  }

  @Override
  public double squares() {
    return GradientNorm.squares(share.gradient());
  }

  @Override
  public NDArray normOnDevice(NDManager manager) {
    return Tensors.alias(manager, share.gradient()).norm();
  }

  @Override
  public void spreadParameters() {}

  @Override
  public MemorySegment whole(NDArray part, Arena arena) {
    return Parameters.contents(part);
  }

  @Override
  public void close() {
    side.close();
  }
}
