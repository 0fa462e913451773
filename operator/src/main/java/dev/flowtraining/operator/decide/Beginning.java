package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.api.v1alpha1.StageRange;
import dev.flowtraining.operator.api.v1alpha1.StageStatus;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.Observation.Former;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Which stages have to run: from the first that was not completed with the input that the spec now asks for. */
final class Beginning {

  private Beginning() {
  }

  static Decision of(FlowTraining ft, Observation seen, Instant now) {
    FlowTrainingSpec spec = ft.getSpec();
    FlowTrainingStatus status = ft.getStatus();
    if (!seen.former().isEmpty()) {
      List<String> lost = OldPods.lost(seen.former().stream().flatMap(f -> f.pod().stream()),
          spec.restartPolicy().nodeLostAfter(), now);
      return lost.isEmpty()
          ? new Decision.Blocked("Cleaning", "waiting until objects of a deleted FlowTraining of this name are gone: "
              + seen.former().stream().map(Former::where).collect(Collectors.joining(", ")), false)
          : new Decision.TearDown(Stage.PREPARE_DATA, List.of(), lost);
    }
    Optional<Decision> before = unfinished(seen, now);
    if (before.isPresent()) {
      return before.get();
    }
    Map<Stage, String> wanted = InputHash.of(spec, seen.config().text());
    Optional<Stage> first = Stage.inOrder().stream()
        .filter(s -> spec.stages().contains(s)
            && (!isComplete(status.of(s), wanted.get(s)) || isToRunAgain(ft, s)))
        .findFirst();
    // nothing to do, or a configuration that cannot be read: then the hashes mean nothing
    if (first.isEmpty() && seen.config().missing().isEmpty()) {
      return new Decision.Idle();
    }
    if (spec.suspend()) {
      return new Decision.Suspended();
    }
    return Preconditions.missing(ft, seen, now).<Decision>map(missing -> missing)
        .orElseGet(() -> new Decision.Begin(first.orElseThrow(), wanted, seen.config().text()));
  }

  /** A run that failed may have left containers that go on. */
  private static Optional<Decision> unfinished(Observation seen, Instant now) {
    Optional<JobView> job = seen.jobs().stream().filter(j -> !j.finished()).findFirst();
    if (job.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(job.get().deleting()
        ? new Decision.Wait(job.get().stage(), "Restarting", "waiting until job " + job.get().name() + " is gone",
            Optional.of(now.plus(StageMachine.RECHECK)))
        : new Decision.TearDown(job.get().stage(), List.of(job.get().name())));
  }

  private static boolean isToRunAgain(FlowTraining ft, Stage stage) {
    StageRange stages = ft.getSpec().stages();
    return stages.again().filter(from -> from == stage).isPresent()
        && !stages.wish().orElseThrow().equals(ft.getStatus().run().rerun());
  }

  private static boolean isComplete(StageStatus stage, String wanted) {
    return stage.phase() == StagePhase.SUCCEEDED && wanted.equals(stage.inputHash());
  }
}
