package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.torch.StateDict;
import java.lang.foreign.Arena;
import java.util.Optional;

/** Moves the parameters of a {@link Share} against their gradients. */
public interface Optimizer extends AutoCloseable {

  /** @param gradScale multiplied into every gradient first: clipping, averaging and unscaling in one */
  void step(double lr, double gradScale);

  /** Whether a step can be asked for without the host knowing the norm. */
  boolean readsNothing();

  /**
   * {@link #step(double, double)} with numbers that only the device knows.
   *
   * @param divisor of every gradient
   * @param skip 1 when nothing is to be done, else 0
   */
  void step(double lr, NDArray divisor, NDArray skip);

  /** Steps done; those that were skipped do not count. */
  long steps();

  /** Bytes that this rank holds for it, beside parameters and gradients. */
  long bytes();

  /**
   * The whole state, of all ranks, under names that do not depend on their number. All ranks call it; what it gives to
   * others than rank 0 may lack tensors.
   *
   * @param arena owns what is copied; the rest shows this optimizer's own memory
   */
  StateDict state(Exchange exchange, Arena arena);

  /** Takes up a {@link #state}, whatever the number of ranks that wrote it. */
  void load(StateDict state);

  /** The moving average of the parameters, when it keeps one; all ranks call it, as {@link #state}. */
  default Optional<StateDict> average(Exchange exchange, Arena arena) {
    return Optional.empty();
  }

  /** Takes up an {@link #average}. */
  default void loadAverage(StateDict state) {}

  @Override
  void close();
}
