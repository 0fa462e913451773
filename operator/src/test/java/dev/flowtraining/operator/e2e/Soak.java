package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * One training with a hundred random faults ({@code -Dsoak.faults} for another number), drawn from {@code -Dsoak.seed}:
 * the same seed draws the same faults at the same moments. Nobody intervenes, and the weights are those of a run that
 * was left alone.
 */
class Soak {
  private static final int FAULTS = Integer.getInteger("soak.faults", 100);
  private static final long SEED = Long.getLong("soak.seed", 1);
  /** Enough to outlast them: an attempt seldom has the time for more than two. */
  private static final int EPOCHS = 3 * FAULTS;
  private static final String NAME = "soak";

  /** What befalls the run. */
  private enum Fault {
    RANK_KILLED, POD_DELETED, RANK_EVICTED, JOB_DELETED, SUSPENDED, OPERATOR_KILLED, PROGRESS_DELETED;

    /** Whether another attempt has to follow. */
    boolean endsAttempt() {
      return this != OPERATOR_KILLED && this != PROGRESS_DELETED;
    }
  }

  /**
   * One draw.
   *
   * @param rank that it befalls, where it befalls one
   * @param moment null for any moment
   * @param after the start of the attempt's ranks, where there is no moment
   */
  private record Draw(Fault fault, int rank, Moment moment, Duration after) {
    static Draw from(Random random) {
      List<Moment> moments = List.of(Moment.RENDEZVOUS, Moment.FIRST_STEP, Moment.CHECKPOINT_WRITE, Moment.VALIDATION);
      Fault fault = Fault.values()[random.nextInt(Fault.values().length)];
      int rank = random.nextInt(2);
      int moment = random.nextInt(2 * moments.size());
      Duration after = Duration.ofMillis(random.nextInt(8000));
      return new Draw(fault, rank, moment < moments.size() ? moments.get(moment) : null, after);
    }

    /** For an attempt whose beginning is past. */
    Draw onceBegun() {
      return moment != null && !moment.followsCheckpoint() ? new Draw(fault, rank, null, after) : this;
    }
  }

  @Test
  void manyFaultsChangeNothingInTheResult() throws Exception {
    Random random = new Random(SEED);
    List<Draw> draws = Stream.generate(() -> Draw.from(random)).limit(FAULTS).toList();
    CaseLog log = new CaseLog(Path.of(System.getProperty("faults.folder", "target/faults")), NAME + "-" + SEED);
    try (Calm calm = Calm.open("soak");
        var run = new FaultedRun(calm.cluster, calm.nodes, NAME, log)) {
      try {
        calm.prepare(NAME);
        calm.cluster.apply(NAME, Specs.training(EPOCHS)
            .replace("maxRestarts: 3,", "maxRestarts: 1000, maxDisruptions: 1000,"));
        int attempt = 1;
        int restarts = 0;
        int disruptions = 0;
        int unseen = 0;
        boolean untouched = true;
        boolean operatorIsKilled = false;
        for (int i = 0; i < FAULTS; i++) {
          Draw draw = draws.get(i);
          log.say((i + 1) + ". " + draw);
          befall(run, untouched ? draw : draw.onceBegun(), attempt);
          untouched = draw.fault.endsAttempt();
          if (draw.fault.endsAttempt()) {
            attempt++;
            int next = attempt;
            run.reached("attempt " + next, s -> s.of(Stage.TRAIN).phase() == StagePhase.RUNNING
                && s.of(Stage.TRAIN).attempt() == next);
            boolean disruption = draw.fault == Fault.RANK_EVICTED || draw.fault == Fault.SUSPENDED;
            disruptions += disruption ? 1 : 0;
            unseen += draw.fault == Fault.RANK_EVICTED && operatorIsKilled ? 1 : 0;
            restarts += disruption ? 0 : 1;
          }
          operatorIsKilled = draw.fault == Fault.OPERATOR_KILLED;
        }
        FlowTrainingStatus end = calm.cluster.awaitEnd(NAME, FaultedRun.PATIENCE.multipliedBy(3));
        KindCluster.assertSucceeded(end);
        assertThat(end.training().attempt()).isEqualTo(attempt);
        // an eviction that no operator saw is a pod that is gone
        assertThat(end.training().restarts() + end.training().disruptions()).isEqualTo(restarts + disruptions);
        assertThat(end.training().restarts()).isBetween(restarts, restarts + unseen);
        run.transitions.assertHonest();
        assertThat(FaultedRun.weights(end)).as("SHA-256 of the weights").isEqualTo(calm.weights(EPOCHS));
        run.delete();
        log.say("passed");
      } catch (Throwable e) {
        KindCluster.Failures.note();
        log.say(e);
        throw e;
      }
    }
  }

  private static void befall(FaultedRun run, Draw draw, int attempt) {
    if (draw.moment != null) {
      run.at(draw.moment, attempt, ranks -> befall(run, draw, ranks, attempt));
    } else {
      Ranks ranks = run.ranks(attempt);
      KindCluster.pause(draw.after);
      befall(run, draw, ranks, attempt);
    }
    if (draw.fault == Fault.SUSPENDED) {
      run.resumeWhenSuspended();
    }
  }

  private static void befall(FaultedRun run, Draw draw, Ranks ranks, int attempt) {
    assertThat(run.cluster.status(run.name).phase()).isNotEqualTo(Phase.SUCCEEDED);
    switch (draw.fault) {
      case RANK_KILLED -> ranks.kill(draw.rank);
      case POD_DELETED -> run.deletePod(ranks.pod(draw.rank));
      case RANK_EVICTED -> run.evict(ranks.pod(draw.rank));
      case JOB_DELETED -> run.deleteJob(run.job(attempt));
      case SUSPENDED -> run.suspend(true);
      case OPERATOR_KILLED -> run.killOperator();
      case PROGRESS_DELETED -> run.deleteProgress();
    }
  }
}
