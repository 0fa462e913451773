package dev.flowtraining.operator.observe;

import java.util.List;
import java.util.Optional;

/**
 * What there is of TensorBoard, and where it could be.
 *
 * @param deployment what it was made of, if it is there
 * @param service the same
 * @param ready whether its pod answers
 * @param pods names of pods on a volume that may be wanted on another node; looked up only while training rests
 */
public record TensorBoardView(Optional<String> deployment, Optional<String> service, boolean ready, Reach workspace,
    List<String> pods) {

  /** Who can mount the workspace. */
  public enum Reach {
    /** Nobody yet, or nobody asked. */
    UNKNOWN,
    ALL_NODES,
    ONE_NODE,
    ONE_POD
  }
}
