package dev.flowtraining.operator.observe;

import java.time.Instant;

/**
 * A container of a stage pod.
 *
 * @param init whether it is the check before the stage
 * @param localRank its place among the pod's containers, from 0
 * @param imageId what the kubelet calls its image; empty until it has it
 */
public record ContainerView(String name, boolean init, int localRank, State state, String imageId) {

  public ContainerView(String name, boolean init, int localRank, State state) {
    this(name, init, localRank, state, "");
  }

  /** What the kubelet says of it. */
  public sealed interface State {
  }

  /** Not started. The reason is Kubernetes' own, for example ImagePullBackOff. */
  public record Waiting(String reason, String message) implements State {
  }

  public record Running(Instant since) implements State {
  }

  /** Ended. The message is what the container wrote as its termination message. */
  public record Terminated(int exitCode, String reason, String message, Instant at) implements State {
  }
}
