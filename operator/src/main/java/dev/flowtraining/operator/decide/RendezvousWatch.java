package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import dev.flowtraining.operator.observe.ContainerView;
import dev.flowtraining.operator.observe.Failure;
import dev.flowtraining.operator.observe.Failure.Cause;
import dev.flowtraining.operator.observe.JobOutcome;
import dev.flowtraining.operator.observe.PodView;
import dev.flowtraining.operator.observe.Report;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Whether the ranks of an attempt meet. A rank that waits for others holds its GPU, so time counts from the first that
 * is at work; a set of which nothing runs costs nothing, and is waited for.
 *
 * <p>Ranks that wait end by themselves after training.rendezvousTimeout. This is for those that do not: they hang, or
 * hang before they wait.
 */
final class RendezvousWatch {

  /** For ranks to end by themselves, and for the word that they have met to arrive. */
  static final Duration GRACE = Duration.ofMinutes(2);

  private final TrainingSpec training;
  private final int attempt;
  private final List<PodView> pods;

  RendezvousWatch(TrainingSpec training, int attempt, List<PodView> pods) {
    this.training = training;
    this.attempt = attempt;
    this.pods = pods;
  }

  /** Until when the others are waited for; empty when nobody waits. */
  Optional<Instant> until() {
    return ranks().flatMap(c -> c.state() instanceof ContainerView.Running up ? Stream.of(up.since()) : Stream.empty())
        .min(Comparator.naturalOrder()).map(this::late);
  }

  /** Until when ranks that all run must have met; empty when they have. */
  Optional<Instant> until(Instant allRunSince, Optional<Report> last) {
    boolean met = last.filter(r -> r.stage() == Stage.TRAIN && r.attempt() == attempt)
        .filter(r -> r.ranks() != null || r.step() != null || r.checkpoint() != null).isPresent();
    return met ? Optional.empty() : Optional.of(late(allRunSince));
  }

  /** Some have not started, and why. */
  Failure missing(JobOutcome.NotStarted why, Instant now) {
    List<Integer> missing = IntStream.range(0, training.gpus()).filter(rank -> !started(rank)).boxed().toList();
    String names = (missing.size() == 1 ? "rank " : "ranks ")
        + missing.stream().map(String::valueOf).collect(Collectors.joining(", "));
    Optional<PodView> pod = missing.stream().findFirst().flatMap(rank -> podOf(rank));
    return failure(Cause.NOT_STARTED, missing.stream().findFirst().orElse(null), pod.map(PodView::node).orElse(null),
        why.reason().isEmpty() ? "RendezvousTimeout" : why.reason(), names + " did not start within "
            + "training.rendezvousTimeout " + training.rendezvousTimeout() + " of the others: " + why.message(), now);
  }

  Failure notMet(Instant allRunSince, Instant now) {
    return failure(Cause.NO_PROGRESS, null, null, "RendezvousTimeout", "all " + training.gpus() + " ranks run since "
        + allRunSince + " and have not met within training.rendezvousTimeout " + training.rendezvousTimeout(), now);
  }

  private Instant late(Instant since) {
    return since.plus(training.rendezvousWithin()).plus(GRACE);
  }

  private Stream<ContainerView> ranks() {
    return pods.stream().flatMap(p -> p.containers().stream()).filter(c -> !c.init());
  }

  private Optional<PodView> podOf(int rank) {
    return pods.stream().filter(p -> p.index() == rank / training.gpusPerPod()).findFirst();
  }

  private boolean started(int rank) {
    return podOf(rank).stream().flatMap(p -> p.containers().stream())
        .anyMatch(c -> !c.init() && c.localRank() == rank % training.gpusPerPod()
            && !(c.state() instanceof ContainerView.Waiting));
  }

  private Failure failure(Cause cause, Integer rank, String node, String reason, String message, Instant now) {
    return new Failure(cause, new LastFailure(Stage.TRAIN.id(), attempt, rank, node, null, reason, message,
        now.toString()), now);
  }
}
