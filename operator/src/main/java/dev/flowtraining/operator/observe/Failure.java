package dev.flowtraining.operator.observe;

import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import java.time.Instant;

/**
 * One thing that went wrong in an attempt.
 *
 * @param at when; the order among causes of the same weight
 */
public record Failure(Cause cause, LastFailure details, Instant at) {

  /** What kind of thing. The lower the weight, the nearer to the root: a rank that lost its peer is only a victim. */
  public enum Cause {
    /** Eviction, preemption, a lost node: Kubernetes took the pod away. */
    DISRUPTED(0),
    /** The kernel killed the container for its memory. */
    OOM_KILLED(1),
    /** The container ended by itself, or by a signal from nowhere. */
    EXITED(1),
    /** Kubernetes did not start a pod that the others waited for. */
    NOT_STARTED(1),
    /** Somebody deleted the pod. */
    POD_DELETED(2),
    /** Somebody deleted the Job. */
    JOB_DELETED(2),
    /** No progress for too long. */
    NO_PROGRESS(2),
    /** The Job failed, and the pod that could say why is gone. */
    POD_GONE(3),
    /** Ended by SIGTERM, or by an I/O or rendezvous problem: another rank may be the cause. */
    TERMINATED(4),
    /** Ended because another rank was gone. */
    PEER_LOST(5),
    /** The Job failed, and nothing else is known. */
    JOB_FAILED(6);

    private final int weight;

    Cause(int weight) {
      this.weight = weight;
    }

    public int weight() {
      return weight;
    }

    /** Whether the root cause may still show up in another pod. */
    public boolean mayBeVictim() {
      return weight >= POD_GONE.weight;
    }
  }
}
