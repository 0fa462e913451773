package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.model.Parameters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How ranks share an optimizer step: {@link Replicated} keeps everything on each, {@link Zero} the optimizer's state in
 * parts. All ranks call the same methods in the same order.
 */
public sealed interface Exchange permits Replicated, Zero {

  /** What this rank's optimizer works on. */
  Share share();

  /** After each backward pass, also on a rank that had no batch for it. */
  void passDone();

  /** Before an optimizer step: the gradients of this rank's share become their sums over the ranks. */
  void sumGradients();

  /** Σ g² over all that is trained, of the sums; not finite exactly when some gradient is not. */
  double squares();

  /** √Σ g² as a tensor of one element of the device, without the host waiting for it; only on a GPU. */
  NDArray normOnDevice(NDManager manager);

  /** After an optimizer step: every rank gets all parameters. */
  void spreadParameters();

  /**
   * The whole of a buffer of which each rank holds its share.
   *
   * @param arena where it goes unless it is there already; production's takes 615 MB
   * @return memory of the layout of {@link Parameters#flat}'s trained stretch; with {@link Zero} of no length on ranks
   *     other than 0
   */
  MemorySegment whole(NDArray part, Arena arena);
}
