package dev.flowtraining.operator.decide;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import dev.flowtraining.operator.build.Names;
import dev.flowtraining.operator.observe.ConfigSource;
import dev.flowtraining.operator.observe.ContainerView;
import dev.flowtraining.operator.observe.JobView;
import dev.flowtraining.operator.observe.Observation;
import dev.flowtraining.operator.observe.PodView;
import dev.flowtraining.operator.observe.Progress;
import dev.flowtraining.operator.report.Copies;
import dev.flowtraining.operator.report.StatusBuilder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A cluster that does whatever a cluster may do, in random order, and an operator that crashes between its two writes
 * now and then. Whatever happens: two attempts never run at once, a complete stage never starts again, counts never go
 * back, the attempt's number never comes twice, nothing runs while it is suspended, and the run ends. Nodes fall silent
 * with what runs on them, pods of a set do not come or their ranks do not meet, and while it is suspended the user
 * changes the number of GPUs.
 */
class RandomWalkTest {

  private static final int RUNS = 40;
  private static final int MAX_STEPS = 20_000;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void theRulesHoldInAnyOrderOfEvents(long seed) {
    Map<Phase, Integer> ends = new EnumMap<>(Phase.class);
    int replaced = 0;
    int suspended = 0;
    int silent = 0;
    Set<String> missed = new HashSet<>();
    for (int run = 0; run < RUNS; run++) {
      Walk walk = new Walk(new Random(seed * 1_000_003 + run));
      ends.merge(walk.toTheEnd(), 1, Integer::sum);
      replaced += walk.replaced;
      suspended += walk.suspended;
      silent += walk.silenced;
      missed.addAll(walk.missed);
    }
    assertThat(replaced).as("shards that were lost and replaced").isPositive();
    assertThat(suspended).as("suspensions").isPositive();
    assertThat(silent).as("nodes that fell silent").isPositive();
    assertThat(missed).as("ranks that did not come, and ranks that did not meet")
        .containsExactlyInAnyOrder("did not start", "have not met");
    assertThat(ends.keySet()).as("both ends are met").containsExactlyInAnyOrder(Phase.SUCCEEDED, Phase.FAILED);
  }

  private static int pods(FlowTraining ft, Stage stage, StageStep step) {
    boolean tokens = stage == Stage.SPEECH_TOKENS;
    return stage.isTraining() ? ft.getSpec().training().pods() : step == StageStep.SHARDS ? tokens ? 3 : 2 : 1;
  }

  private static final class Walk {

    private final Random random;
    private FlowTraining ft = training(4, false);
    /** Pods on nodes that do not answer: nothing ends them but force. */
    private final Set<String> silent = new HashSet<>();
    private final List<JobView> jobs = new ArrayList<>();
    private final List<PodView> pods = new ArrayList<>();
    private final Set<String> recorded = new HashSet<>();
    private final Map<String, Fate> fates = new HashMap<>();
    /** What became of ranks that were waited for. */
    private final Set<String> missed = new HashSet<>();
    private int replaced;
    private int suspended;
    private int silenced;
    private Progress progress = Progress.none();
    private Instant now = Samples.NOW;

    Walk(Random random) {
      this.random = random;
    }

    private static FlowTraining training(int gpus, boolean suspend) {
      return Samples.training("""
          training: {gpus: %d, gpusPerPod: 2, device: cpu, rendezvousTimeout: 30s}
          stageOverrides: [{stage: speech-tokens, parallelism: 3}, {stage: parquet, parallelism: 2}]
          restartPolicy:
            {maxRestarts: 1, maxDisruptions: 1, resetAfterCheckpoint: true, backoff: {initial: 1s, max: 20s}}
          suspend: %s
          """.formatted(gpus, suspend));
    }

    Phase toTheEnd() {
      for (int step = 0; step < MAX_STEPS; step++) {
        now = now.plusMillis(random.nextInt(3000));
        clusterMoves();
        boolean suspend = ft.getSpec().suspend();
        if (random.nextInt(suspend ? 30 : 150) == 0) {
          // the API server lets GPUs change only while it is suspended
          int gpus = ft.getStatus().phase() == Phase.SUSPENDED ? 2 + 2 * random.nextInt(2)
              : ft.getSpec().training().gpus();
          ft = Samples.with(training(gpus, !suspend), ft.getStatus());
        }
        reconcile();
        if (ft.getStatus().phase() != null && ft.getStatus().phase().isTerminal()) {
          return ft.getStatus().phase();
        }
      }
      throw new AssertionError("no end: " + ft.getStatus());
    }

    private void reconcile() {
      FlowTrainingStatus before = ft.getStatus();
      Observation seen = new Observation(List.copyOf(jobs), List.copyOf(pods), List.of(), Samples.claims(),
          ConfigSource.none(), Map.of(), progress, true);
      FlowTraining known = Copies.withStatus(ft, ProgressGate.accept(ft.getSpec(), before, progress));
      Decision decision = StageMachine.decide(known, seen, now);
      apply(decision);
      FlowTrainingStatus after = StatusBuilder.next(known, seen, decision, "image", now);
      check(before, after, decision);
      waitedFor(decision, seen);
      boolean crash = random.nextInt(10) == 0;
      if (!crash) {
        ft = Copies.withStatus(ft, after);
        after.stages().forEach(s -> recorded.add(String.valueOf(s.jobName())));
      }
    }

    private void apply(Decision decision) {
      switch (decision) {
        case Decision.Start start -> {
          String name = Names.job(ft, start.stage(), start.step(), start.attempt());
          boolean there = jobs.stream().anyMatch(j -> j.name().equals(name));
          if (!there) {
            assertThat(pods).as("pods while %s starts", name).allMatch(p -> p.terminal() || p.stage() != start.stage());
            assertThat(jobs).as("jobs while %s starts", name).allMatch(j -> j.complete() || j.failedAt().isPresent());
            assertThat(recorded).as("%s was recorded before", name).doesNotContain(name);
            jobs.add(new JobView(name, start.stage(), start.step(), start.attempt(), pods(ft, start.stage(), start.step()), 0,
                now, false, false, Optional.empty(), ""));
          }
        }
        case Decision.TearDown down -> {
          assertThat(down.lostPods()).as("deleted by force").allMatch(silent::contains);
          pods.removeIf(p -> down.lostPods().contains(p.name()));
          silent.removeAll(down.lostPods());
          jobs.replaceAll(j -> down.jobs().contains(j.name())
            ? new JobView(j.name(), j.stage(), j.step(), j.attempt(), j.pods(), j.failedPods(), j.created(), true,
                j.complete(), j.failedAt(), "") : j);
        }
        case Decision.Suspended none -> {
          suspended++;
          assertThat(pods).as("pods while suspended").allMatch(PodView::terminal);
          assertThat(jobs).as("jobs while suspended").allMatch(JobView::finished);
        }
        default -> { }
      }
    }

    /** Nobody is restarted for want of a rank while all have met, or before their time. */
    private void waitedFor(Decision decision, Observation seen) {
      if (!(decision instanceof Decision.Restart restart) || !restart.failure().details().message()
          .contains("training.rendezvousTimeout")) {
        return;
      }
      String message = restart.failure().details().message();
      missed.addAll(List.of("did not start", "have not met").stream().filter(message::contains).toList());
      int attempt = restart.failure().details().attempt();
      List<ContainerView> ranks = seen.pods(Stage.TRAIN, StageStep.WHOLE, attempt).stream()
          .flatMap(p -> p.containers().stream()).toList();
      assertThat(ranks).as(message).anyMatch(c -> c.state() instanceof ContainerView.Running up
          && !now.isBefore(up.since().plusSeconds(30).plus(RendezvousWatch.GRACE)));
      assertThat(ranks.size() < ft.getSpec().training().gpus()).as(message).isEqualTo(message.contains("did not start"));
    }

    private void check(FlowTrainingStatus before, FlowTrainingStatus after, Decision decision) {
      for (Stage stage : Stage.inOrder()) {
        assertThat(after.of(stage).restarts()).isGreaterThanOrEqualTo(before.of(stage).restarts());
        assertThat(after.of(stage).disruptions()).isGreaterThanOrEqualTo(before.of(stage).disruptions());
        assertThat(after.of(stage).attempt()).isBetween(before.of(stage).attempt(), before.of(stage).attempt() + 1);
        if (before.of(stage).phase() == StagePhase.SUCCEEDED) {
          assertThat(after.of(stage).phase()).as("%s after %s", stage, decision).isEqualTo(StagePhase.SUCCEEDED);
        }
      }
      boolean ready = after.condition("Ready").orElseThrow().holds();
      boolean working = after.condition("Reconciling").orElseThrow().holds();
      boolean stalled = after.condition("Stalled").orElseThrow().holds();
      assertThat(List.of(ready, working, stalled)).as("exactly one of Ready, Reconciling, Stalled")
          .containsOnlyOnce(true);
      assertThat(after.training().checkpoint() == null || before.training().checkpoint() == null
          || after.training().checkpoint().step() >= before.training().checkpoint().step()).isTrue();
    }

    private void clusterMoves() {
      if (jobs.isEmpty()) {
        controllers();
        return;
      }
      JobView job = jobs.get(random.nextInt(jobs.size()));
      switch (random.nextInt(15)) {
        case 0, 1, 2, 3 -> startPod(job);
        case 4, 5, 6, 7 -> exitSome(job, 0);
        case 8 -> {
          if (random.nextInt(4) == 0) {
            exitSome(job, new int[] {1, 75, 137, 143, 139, 64}[random.nextInt(10) == 0 ? 5 : random.nextInt(5)]);
          }
        }
        case 9 -> {
          if (random.nextInt(6) == 0) {
            pods.replaceAll(p -> isOf(job, p) && !p.terminal() && !silent.contains(p.name()) && random.nextBoolean()
                ? random.nextBoolean() ? Samples.deleted(p, now) : Samples.disrupted(p, "EvictionByEvictionAPI",
                    now) : p);
          }
        }
        case 10 -> {
          if (random.nextInt(30) == 0 && !job.complete()) {
            jobs.remove(job);
          }
        }
        case 11 -> report(job);
        case 12 -> {
          if (random.nextInt(20) == 0) {
            pods.replaceAll(p -> isOf(job, p) && !p.terminal() && p.index() == 0 && silent.add(p.name())
                ? p.onNodeLostSince(now) : p);
            silenced = silent.size() + silenced;
          }
        }
        default -> controllers();
      }
    }

    private void startPod(JobView job) {
      int come = fate(job) == Fate.ALONE ? 1 : job.pods();
      for (int index = 0; index < come; index++) {
        String name = job.name() + "-" + index;
        boolean there = pods.stream().anyMatch(p -> p.name().equals(name));
        if (!there && !job.finished() && !job.deleting()) {
          ContainerView.State up = new ContainerView.Running(now);
          pods.add(job.stage().isTraining() ? Samples.pod(job, index, up, up) : Samples.pod(job, index, up));
        }
      }
    }

    /** Of a training set: most meet. */
    private enum Fate { MEETS, ALONE, SILENT }

    private Fate fate(JobView job) {
      return !job.stage().isTraining() ? Fate.MEETS : fates.computeIfAbsent(job.name(), name ->
          random.nextInt(3) > 0 ? Fate.MEETS : random.nextBoolean() ? Fate.ALONE : Fate.SILENT);
    }

    private void exitSome(JobView job, int code) {
      if (fate(job) != Fate.MEETS) {
        return; // its ranks hang while they wait
      }
      pods.replaceAll(p -> {
        if (!isOf(job, p) || p.terminal() || silent.contains(p.name())) {
          return p;
        }
        List<ContainerView> containers = p.containers().stream()
            .map(c -> c.state() instanceof ContainerView.Running && (code == 0 || random.nextBoolean())
                ? new ContainerView(c.name(), false, c.localRank(), Samples.exited(code, now)) : c)
            .toList();
        boolean all = containers.stream().allMatch(c -> c.state() instanceof ContainerView.Terminated);
        return new PodView(p.name(), p.stage(), p.step(), p.attempt(), p.index(), p.node(), all, p.deletionRequested(),
            p.graceEnds(), p.disruption(), p.unschedulable(), containers);
      });
    }

    private void report(JobView job) {
      if (fate(job) != Fate.MEETS) {
        return;
      }
      int attempt = Math.max(1, job.attempt() - random.nextInt(2));
      int step = random.nextInt(1000);
      String key = job.step() == StageStep.SHARDS ? "shard-" + random.nextInt(4) + ".json" : "progress.json";
      progress = Progress.parse(Map.of(key, """
          {"stage":"%s","attempt":%d,"time":"%s","fraction":0.5,"ranks":4,
           "checkpoint":{"path":"exp/flow_model/attempt-%d/step_%d.pt","step":%d}}"""
          .formatted(job.stage().id(), attempt, now, attempt, step, step)));
    }

    /** The Job controller and the garbage collector. */
    private void controllers() {
      jobs.removeIf(j -> j.deleting() && pods.stream().noneMatch(p -> isOf(j, p) && !silent.contains(p.name())));
      pods.removeIf(p -> !silent.contains(p.name()) && (jobs.stream().noneMatch(j -> isOf(j, p) && !j.deleting())
          || p.terminal() && p.deletionRequested().isPresent()));
      // what is asked to go and does not: by the garbage collector, or after a while by the node controller
      pods.replaceAll(p -> silent.contains(p.name()) && p.deletionRequested().isEmpty()
          && (jobs.stream().noneMatch(j -> isOf(j, p) && !j.deleting()) || random.nextInt(20) == 0)
          ? Samples.deleted(p, now).onNodeLostSince(p.nodeLostSince().orElseThrow()) : p);
      jobs.replaceAll(j -> j.finished() || j.deleting() ? j : controlled(j));
    }

    private JobView controlled(JobView j) {
      List<PodView> own = pods.stream().filter(p -> isOf(j, p)).toList();
      List<PodView> bad = own.stream().filter(p -> p.terminal() && p.containers().stream()
          .anyMatch(c -> c.state() instanceof ContainerView.Terminated t && t.exitCode() != 0)).toList();
      if (own.size() == j.pods() && own.stream().allMatch(PodView::terminal) && bad.isEmpty()) {
        return Samples.complete(j);
      }
      if (bad.isEmpty()) {
        return j;
      }
      int counted = j.failedPods() + (int) bad.stream().filter(p -> p.disruption().isEmpty()).count();
      boolean permanent = bad.stream().flatMap(p -> p.containers().stream())
          .anyMatch(c -> c.state() instanceof ContainerView.Terminated t && t.exitCode() == 64);
      if (j.step() != StageStep.SHARDS || permanent || counted > j.pods()) {
        return Samples.failed(j, now);
      }
      pods.removeAll(bad);
      replaced += bad.size();
      return new JobView(j.name(), j.stage(), j.step(), j.attempt(), j.pods(), counted, j.created(), false, false,
          Optional.empty(), "");
    }

    private static boolean isOf(JobView j, PodView p) {
      return p.stage() == j.stage() && p.step() == j.step() && p.attempt() == j.attempt();
    }
  }
}
