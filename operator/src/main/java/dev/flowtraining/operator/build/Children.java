package dev.flowtraining.operator.build;

import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import io.fabric8.kubernetes.api.model.HasMetadata;
import java.util.ArrayList;
import java.util.List;

/**
 * The objects that a decision asks for.
 *
 * @param applied created, or brought to what they should be, side by side
 * @param created if they are not there; never changed
 * @param granted rights, applied last: the API server compares each with the operator's own, which it reads anew for it
 *     (0.1 s on an idle cluster), and no pod needs them to start
 * @param deletedJobs names of Jobs that go, with their pods
 * @param lostPods names of pods that go without a word of their node
 * @param deleted others that go; only what is this FlowTraining's own
 */
public record Children(List<HasMetadata> applied, List<HasMetadata> created, List<HasMetadata> granted,
    List<String> deletedJobs, List<String> lostPods, List<HasMetadata> deleted) {

  private Children(List<HasMetadata> applied, List<HasMetadata> created, List<String> deletedJobs,
      List<String> lostPods) {
    this(applied, created, List.of(), deletedJobs, lostPods, List.of());
  }

  private static final Children NONE = new Children(List.of(), List.of(), List.of(), List.of());

  /**
   * @param image the trainer image of the run
   */
  public static Children of(FlowTraining ft, Decision decision, Observation seen, String image) {
    return switch (decision) {
      case Decision.Begin begin -> begin(ft, begin);
      case Decision.Start start -> start(ft, start, seen, image);
      case Decision.Expire expire -> expire.deleteSelf() ? self(ft) : everything(ft, seen);
      case Decision.TearDown down -> new Children(List.of(), List.of(), down.jobs(), down.lostPods());
      case Decision.CleanUp cleaning -> cleaning.start()
          ? new Children(List.of(), List.of(CleanUpJob.of(ft, image)), List.of(), List.of()) : NONE;
      case Decision.Release release -> release.problem().isEmpty() ? NONE
          : new Children(List.of(), List.of(), List.of(Names.cleanUp(ft)), List.of());
      // deleted by hand: it comes back empty, and the trainer fills it with its next report
      case Decision.Wait wait when !seen.progressMapExists() && ft.getStatus().inRun() ->
          new Children(List.of(RunObjects.progress(ft)), List.of(), List.of(), List.of());
      case Decision.Wait wait -> NONE;
      case Decision.Idle idle -> NONE;
      case Decision.Blocked blocked -> NONE;
      case Decision.Complete complete -> NONE;
      case Decision.Restart restart -> NONE;
      case Decision.BackOff wait -> NONE;
      case Decision.Suspend suspend -> NONE;
      case Decision.Suspended suspended -> NONE;
      case Decision.Fail fail -> NONE;
    };
  }

  /** But the claim: the workspace outlives the run. */
  private static Children everything(FlowTraining ft, Observation seen) {
    List<HasMetadata> others = new ArrayList<>(RunObjects.rights(ft));
    others.add(RunObjects.account(ft));
    others.add(RunObjects.progress(ft));
    others.add(TrainingSet.service(ft));
    ConfigSnapshot.named(ft).ifPresent(others::add);
    if (ft.getSpec().training().claimsDevices()) {
      others.add(GpuClaims.template(ft));
    }
    return new Children(List.of(), List.of(), List.of(), seen.jobs().stream().map(JobView::name).toList(), List.of(),
        others);
  }

  private static Children self(FlowTraining ft) {
    return new Children(List.of(), List.of(), List.of(), List.of(), List.of(), List.of(ft));
  }

  private static Children begin(FlowTraining ft, Decision.Begin begin) {
    return new Children(ConfigSnapshot.begun(ft, begin.hashes(), begin.config()).<List<HasMetadata>>map(List::of)
        .orElse(List.of()), RunObjects.workspace(ft).<List<HasMetadata>>map(List::of).orElse(List.of()), List.of(),
        List.of());
  }

  private static Children start(FlowTraining ft, Decision.Start start, Observation seen, String image) {
    boolean configMap = ConfigSnapshot.wanted(ft);
    List<HasMetadata> applied = new ArrayList<>(List.of(RunObjects.account(ft), RunObjects.progress(ft)));
    ConfigSnapshot.again(ft, seen.config().text()).ifPresent(applied::add);
    if (start.stage().isTraining()) {
      applied.add(TrainingSet.service(ft));
    }
    HasMetadata job = start.stage().isTraining()
        ? TrainingSet.job(ft, start, image, configMap)
        : StageJob.of(ft, start, image, configMap);
    List<HasMetadata> created = new ArrayList<>();
    if (start.stage().isTraining() && ft.getSpec().training().claimsDevices()) {
      created.add(GpuClaims.template(ft));
    }
    created.add(job);
    return new Children(applied, created, RunObjects.rights(ft), List.of(), List.of(), List.of());
  }
}
