package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.AccessMode;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.WorkspaceVolume;
import dev.flowtraining.operator.observe.ClaimView;
import dev.flowtraining.operator.observe.Observation;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What must be there before a Job starts. */
final class Preconditions {

  /** Things that are applied together come one after the other: what is missing so early is no fault yet. */
  static final Duration PATIENCE = Duration.ofSeconds(30);

  private Preconditions() {
  }

  static Optional<Decision.Blocked> missing(FlowTraining ft, Observation seen, Instant now) {
    FlowTrainingSpec spec = ft.getSpec();
    String created = ft.getMetadata().getCreationTimestamp();
    boolean stalled = created == null || now.isAfter(Instant.parse(created).plus(PATIENCE));
    for (ClaimView claim : seen.claims().values()) {
      if (!claim.exists()) {
        return Optional.of(new Decision.Blocked("VolumeClaimNotFound", "PersistentVolumeClaim '" + claim.name()
            + "' does not exist in this namespace: create it, and the run goes on", stalled));
      }
    }
    if (seen.config().missing().isPresent()) {
      return Optional.of(new Decision.Blocked("ConfigMapNotFound", seen.config().missing().get(), stalled));
    }
    if (spec.stages().contains(Stage.TRAIN) && spec.training().pods() > 1 && !shareable(spec, seen)) {
      return Optional.of(new Decision.Blocked("VolumeNotShareable", spec.training().pods() + " training pods need a "
          + "workspace with access mode ReadWriteMany: use such a claim, or put all ranks into one pod "
          + "(training.gpusPerPod)", true));
    }
    return Stage.inOrder().stream()
        .filter(s -> spec.stages().contains(s) && spec.parallelism(s) > 1)
        .flatMap(s -> notShared(spec, s, seen).stream()).findFirst();
  }

  /** Shards may be on several nodes: all of them write to the workspace and read the data. */
  private static Optional<Decision.Blocked> notShared(FlowTrainingSpec spec, Stage stage, Observation seen) {
    String pods = spec.parallelism(stage) + " pods of stage " + stage.id() + " need a ";
    String otherwise = ": use such a claim, or set stageOverrides parallelism: 1";
    if (!shareable(spec, seen)) {
      return Optional.of(new Decision.Blocked("VolumeNotShareable", pods + "workspace with access mode ReadWriteMany"
          + otherwise, true));
    }
    ClaimView data = spec.data() == null ? null
        : seen.claims().get(spec.data().volume().persistentVolumeClaim().claimName());
    return data == null || data.readableByAll() ? Optional.empty()
        : Optional.of(new Decision.Blocked("VolumeNotShareable", pods + "data volume with access mode ReadOnlyMany or "
            + "ReadWriteMany" + otherwise, true));
  }

  private static boolean shareable(FlowTrainingSpec spec, Observation seen) {
    WorkspaceVolume volume = spec.workspace().volume();
    if (volume.volumeClaimTemplate() != null) {
      return volume.volumeClaimTemplate().accessMode() == AccessMode.READ_WRITE_MANY;
    }
    ClaimView claim = seen.claims().get(volume.persistentVolumeClaim().claimName());
    return claim == null || claim.shareable();
  }
}
