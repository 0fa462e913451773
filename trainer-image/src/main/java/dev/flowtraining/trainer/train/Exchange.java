package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Pieces;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How ranks share an optimizer step: {@link Replicated} keeps everything on each, {@link Zero} the optimizer's state in
 * parts. All ranks call the same methods in the same order.
 */
public sealed interface Exchange extends AutoCloseable permits Replicated, Zero {

  /** What this rank's optimizer works on. */
  Share share();

  /** The gradients in the order in which they are exchanged. */
  Pieces pieces();

  /** Before each backward pass, also on a rank that has no batch for it. @param last of the optimizer step */
  void passBegins(boolean last);

  /** While a backward pass goes on: the first so many pieces are final. What can be exchanged is, beside the pass. */
  void gradientsFinal(int pieces);

  /** After each backward pass. */
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

  @Override
  void close();
}
