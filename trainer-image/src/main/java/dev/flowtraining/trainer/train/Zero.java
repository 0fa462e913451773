package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Pieces;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.SideLine;
import dev.flowtraining.trainer.torch.Tensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * ZeRO (arXiv 1910.02054), stages 1 and 2: each rank keeps the optimizer's state of its own part of the parameters,
 * gets that part's gradients by reduce-scatter, steps it, and shares it by all-gather. In stage 2 with half precision
 * the float32 sums of gradients, too, exist of the own part only, and ranks exchange after each backward pass; in
 * float32 passes write the sums themselves, which stay whole.
 */
public final class Zero implements Exchange {
  private final Collective collective;
  private final Share share;
  private final Buckets reduced;
  private final Buckets gathered;
  private final SideLine side;
  private final InPieces sums;

  /**
   * How many elements travel at a time.
   *
   * @param reduce of gradients
   * @param gather of parameters
   */
  public record Sizes(long reduce, long gather) {}

  /** @param parameters with a {@link Parameters.Layout} of as many parts as there are ranks */
  public Zero(Parameters parameters, Collective collective, Sizes sizes, Pieces pieces) {
    this.collective = collective;
    share = Share.of(parameters, collective.rank(), collective.worldSize());
    reduced = new Buckets(share.length(), collective.worldSize(), sizes.reduce());
    gathered = new Buckets(share.length(), collective.worldSize(), sizes.gather());
    side = SideLine.of(parameters.device());
    sums = new InPieces(pieces, side, pieces.count() > 1 ? this::sumForOwners : whole -> sum());
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
    if (last || sumsOfPart()) {
      sums.begin();
    }
  }

  @Override
  public void gradientsFinal(int pieces) {
    sums.areFinal(pieces);
  }

  @Override
  public void passDone() {
    if (sumsOfPart()) {
      sums.finish();
    }
  }

  @Override
  public void sumGradients() {
    if (!sumsOfPart()) {
      sums.finish();
    }
  }

  /** Whether ranks exchange after each pass, whose gradients are all in half precision. */
  private boolean sumsOfPart() {
    return share.parameters().layout().sumsOfPart();
  }

  /** A piece, of which each rank gets what lies in its part. */
  private void sumForOwners(Pieces.Piece piece) {
    for (int rank = 0; rank < share.ranks(); rank++) {
      long from = Math.max(piece.start(), rank * share.length());
      long to = Math.min(piece.start() + piece.length(), (rank + 1) * share.length());
      if (from < to && sumsOfPart()) {
        sumPass(from, to, rank);
      } else if (from < to) {
        collective.reduce(Tensors.memory(share.parameters().grad())
            .asSlice(Float.BYTES * from, Float.BYTES * (to - from)), rank);
      }
    }
  }

  /** Adds a pass's gradients to the owner's sums, a bucket at a time. */
  private void sumPass(long from, long to, int owner) {
    for (long start = from; start < to; start += reduced.step()) {
      long length = Math.min(reduced.step(), to - start);
      try (NDManager scope = scope()) {
        NDArray left = stretch(scope, share.parameters().passGradOrNull(), start, length);
        NDArray bucket = scope.create(new Shape(length));
        Tensors.copy(bucket, left);
        collective.reduce(Tensors.memory(bucket), owner);
        if (owner == share.rank()) {
          stretch(scope, share.gradient(), start - share.start(), length).addi(bucket);
        }
        Tensors.zero(left);
      }
    }
  }

  /** All at once: each rank gets its part. */
  private void sum() {
    Parameters parameters = share.parameters();
    if (!sumsOfPart() && reduced.single()) {
      collective.reduceScatter(Tensors.memory(parameters.grad()), Tensors.memory(share.gradient()));
      return;
    }
    NDArray summands = sumsOfPart() ? parameters.passGradOrNull() : parameters.grad();
    reduced.each((start, length) -> {
      try (NDManager scope = scope()) {
        NDArray bucket = scope.create(new Shape(length * share.ranks()));
        for (int rank = 0; rank < share.ranks(); rank++) {
          Tensors.copy(stretch(scope, bucket, rank * length, length),
              stretch(scope, summands, rank * share.length() + start, length));
        }
        NDArray own = stretch(scope, bucket, share.rank() * length, length);
        collective.reduceScatter(Tensors.memory(bucket), Tensors.memory(own));
        NDArray sums = stretch(scope, share.gradient(), start, length);
        if (sumsOfPart()) {
          sums.addi(own);
        } else {
          Tensors.copy(sums, own);
        }
      }
    });
    if (sumsOfPart()) {
      Tensors.zero(summands);
    }
  }

  @Override
  public double squares() {
    return collective.allReduce(GradientNorm.squares(share.gradient()))[0];
  }

  @Override
  public NDArray normOnDevice(NDManager manager) {
    NDArray sum = Tensors.alias(manager, share.gradient()).norm().square();
    collective.allReduce(Tensors.memory(sum));
    return sum.sqrt();
  }

  @Override
  public void spreadParameters() {
    NDArray flat = share.parameters().flat();
    if (gathered.single()) {
      try (NDManager scope = scope()) {
        collective.allGather(Tensors.memory(share.values()),
            Tensors.memory(stretch(scope, flat, 0, share.length() * share.ranks())));
      }
      return;
    }
    gather(share.values(), (scope, bucket, start, length) -> {
      for (int rank = 0; rank < share.ranks(); rank++) {
        Tensors.copy(stretch(scope, flat, rank * share.length() + start, length),
            stretch(scope, bucket, rank * length, length));
      }
    });
  }

  @Override
  public MemorySegment whole(NDArray part, Arena arena) {
    boolean keeps = share.rank() == 0;
    MemorySegment all = arena.allocate(keeps ? 4 * share.length() * share.ranks() : 0, 64);
    gather(part, (scope, bucket, start, length) -> {
      if (keeps) {
        MemorySegment host = Parameters.contents(bucket);
        for (int rank = 0; rank < share.ranks(); rank++) {
          MemorySegment.copy(host, 4 * rank * length, all, 4 * (rank * share.length() + start), 4 * length);
        }
      }
    });
    return all;
  }

  private interface Gathered {
    /** @param bucket stretches of {@code length} elements, by rank, that begin at {@code start} of each one's part */
    void take(NDManager scope, NDArray bucket, long start, long length);
  }

  private void gather(NDArray part, Gathered gathered) {
    this.gathered.each((start, length) -> {
      try (NDManager scope = scope()) {
        NDArray bucket = scope.create(new Shape(length * share.ranks()));
        collective.allGather(Tensors.memory(stretch(scope, part, start, length)), Tensors.memory(bucket));
        gathered.take(scope, bucket, start, length);
      }
    });
  }

  @Override
  public void close() {
    side.close();
  }

  private NDManager scope() {
    return NDManager.newBaseManager(share.parameters().device(), "PyTorch");
  }

  private static NDArray stretch(NDManager scope, NDArray buffer, long start, long length) {
    return Operators.narrow(Tensors.alias(scope, buffer), 0, start, length);
  }

  /** Cuts the parts of all ranks alike, so that a bucket has as many elements of each. */
  private record Buckets(long part, int ranks, long elements) {
    /** Beyond this a bucket gains nothing but memory; what is said is the most that it may have. */
    private static final long MOST = 1 << 25;

    interface Body {
      void run(long start, long length);
    }

    /** Whether all fits into one, which then needs no buffer of its own. */
    boolean single() {
      return part * ranks <= elements;
    }

    /** Elements of each part that travel at a time. */
    long step() {
      return Math.max(1, Math.min(elements, MOST) / ranks);
    }

    void each(Body body) {
      for (long start = 0; start < part; start += step()) {
        body.run(start, Math.min(step(), part - start));
      }
    }
  }
}
