package dev.flowtraining.operator.observe;

import static dev.flowtraining.operator.Samples.NOW;
import static dev.flowtraining.operator.Samples.complete;
import static dev.flowtraining.operator.Samples.deleted;
import static dev.flowtraining.operator.Samples.disrupted;
import static dev.flowtraining.operator.Samples.exited;
import static dev.flowtraining.operator.Samples.failed;
import static dev.flowtraining.operator.Samples.job;
import static dev.flowtraining.operator.Samples.pod;
import static dev.flowtraining.operator.Samples.running;
import static dev.flowtraining.operator.Samples.unschedulable;
import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.observe.Failure.Cause;
import dev.flowtraining.operator.observe.Observation.Warning;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class JobOutcomeTest {

  private static final JobView TRAIN = job(Stage.TRAIN, 1);
  private static final String PEER_LOST = "{\"reason\":\"PeerLost\",\"message\":\"rank 1 is gone\"}";
  /** Long enough ago that no further cause is waited for. */
  private static final Instant SETTLED = NOW.minus(JobOutcome.SETTLE);

  @Test
  void aPodRunsOnWhileOneContainerLives() {
    assertThat(of(TRAIN, pod(TRAIN, 0, running(), exited(1, NOW)), pod(TRAIN, 1, running(), running())))
        .isInstanceOfSatisfying(JobOutcome.Failed.class, f -> assertThat(f.failure().details().rank()).isEqualTo(1));
  }

  @Test
  void ranksCountOverPods() {
    assertThat(failure(TRAIN, pod(TRAIN, 0, running(), running()), pod(TRAIN, 1, running(), exited(137, NOW))))
        .extracting(LastFailure::rank, LastFailure::node, LastFailure::exitCode, LastFailure::reason)
        .containsExactly(3, "node-1", 137, "Killed");
  }

  @Test
  void aVictimIsNoCauseWhileTheCauseMayStillShowUp() {
    assertThat(of(TRAIN, pod(TRAIN, 0, exited(75, PEER_LOST, NOW), running()),
        pod(TRAIN, 1, running(), exited(75, PEER_LOST, NOW))))
        .isEqualTo(new JobOutcome.Settling(NOW.plus(JobOutcome.SETTLE)));
    assertThat(failure(TRAIN, pod(TRAIN, 0, exited(75, PEER_LOST, SETTLED), running()),
        pod(TRAIN, 1, running(), exited(75, PEER_LOST, NOW))).reason()).isEqualTo("PeerLost");
  }

  @Test
  void aRankThatIsSilentMayBeOnALostNode() {
    PodView lost = pod(TRAIN, 1, running(), running());
    PodView victim = pod(TRAIN, 0, exited(75, PEER_LOST, NOW), running());
    assertThat(of(TRAIN, victim, lost)).isEqualTo(new JobOutcome.Settling(NOW.plus(JobOutcome.NODE_SETTLE)));
    assertThat(failure(TRAIN, victim, lost.onNodeLostSince(NOW.plusSeconds(50))))
        .extracting(LastFailure::reason, LastFailure::node, LastFailure::rank).containsExactly("NodeLost", "node-1", 2);
    assertThat(failure(TRAIN, pod(TRAIN, 0, exited(75, PEER_LOST, NOW.minus(JobOutcome.NODE_SETTLE)), running()), lost)
        .reason()).as("it only hangs").isEqualTo("PeerLost");
  }

  /** The Job controller deletes the silent rank's pod as soon as its peer has failed. */
  @Test
  void whatTheJobControllerDeletesIsNoCause() {
    PodView victim = ended(pod(TRAIN, 0, exited(75, PEER_LOST, NOW.minusSeconds(3)),
        exited(75, PEER_LOST, NOW.minusSeconds(2))));
    PodView silent = deleted(pod(TRAIN, 1, running(), running()), NOW.minusSeconds(1));
    Instant settled = NOW.minusSeconds(3).plus(JobOutcome.NODE_SETTLE);
    assertThat(of(TRAIN, victim, silent)).as("before it says that the Job fails")
        .isEqualTo(new JobOutcome.Settling(settled));
    JobView failed = failed(TRAIN, NOW.minusSeconds(1));
    assertThat(of(failed, victim, silent)).isEqualTo(new JobOutcome.Settling(settled));
    assertThat(failure(failed, victim, silent.onNodeLostSince(NOW))).extracting(LastFailure::reason, LastFailure::rank)
        .containsExactly("NodeLost", 2);
    PodView gone = ended(deleted(pod(TRAIN, 1, exited(137, NOW), exited(137, NOW)), NOW.minusSeconds(1)));
    PodView longAgo = ended(pod(TRAIN, 0, exited(75, PEER_LOST, SETTLED), exited(75, PEER_LOST, NOW)));
    assertThat(failure(failed, longAgo, gone)).as("it only hung")
        .extracting(LastFailure::reason, LastFailure::rank).containsExactly("PeerLost", 0);
  }

  @Test
  void whatKeptARankFromStartingSaysMoreThanThoseWhoWaited() {
    ContainerView.State gaveUp = exited(75, "{\"reason\":\"RendezvousTimeout\",\"message\":\"rank 2, 3 missing\"}",
        SETTLED);
    assertThat(failure(TRAIN, pod(TRAIN, 0, gaveUp, gaveUp), unschedulable(pod(TRAIN, 1), "0/2 nodes: no GPU")))
        .extracting(LastFailure::reason, LastFailure::message, LastFailure::rank).containsExactly("Unschedulable",
            "pod demo-train-1-1: 0/2 nodes: no GPU; the other ranks did not wait longer", 2);
    assertThat(failure(TRAIN, pod(TRAIN, 0, gaveUp, gaveUp), pod(TRAIN, 1, running(), running())).reason())
        .isEqualTo("RendezvousTimeout");  }

  @Test
  void theCauseIsPreferredToEarlierVictims() {
    LastFailure failure = failure(TRAIN,
        pod(TRAIN, 0, exited(75, PEER_LOST, NOW.minusSeconds(3)), exited(143, NOW.minusSeconds(2))),
        pod(TRAIN, 1, exited(1, NOW.minusSeconds(1)), exited(75, PEER_LOST, NOW.minusSeconds(3))));
    assertThat(failure.rank()).isEqualTo(2);
  }

  @Test
  void aDeletedPodIsTheCauseAndThoseThatItsJobDeletedAreVictims() {
    JobView failed = failed(TRAIN, NOW.minusSeconds(10));
    LastFailure failure = failure(failed,
        deleted(pod(TRAIN, 0, exited(143, NOW.minusSeconds(9)), running()), NOW.minusSeconds(10)),
        deleted(pod(TRAIN, 1, exited(143, NOW.minusSeconds(11)), exited(137, NOW.minusSeconds(11))),
            NOW.minusSeconds(20)));
    assertThat(failure.reason()).isEqualTo("PodDeleted");
    assertThat(failure.rank()).isEqualTo(2);
  }

  @Test
  void aDisruptionIsTheCauseOfWhateverFollows() {
    JobOutcome outcome = of(TRAIN, pod(TRAIN, 0, exited(1, NOW.minusSeconds(4)), running()),
        disrupted(pod(TRAIN, 1, exited(137, NOW), running()), "PreemptionByScheduler", NOW.minusSeconds(3)));
    assertThat(((JobOutcome.Failed) outcome).failure().cause()).isEqualTo(Cause.DISRUPTED);
    assertThat(((JobOutcome.Failed) outcome).failure().details().reason()).isEqualTo("PreemptionByScheduler");
  }

  @Test
  void aPodThatIsGoneIsToldByItsIndex() {
    assertThat(failure(failed(TRAIN, SETTLED), pod(TRAIN, 0, exited(75, PEER_LOST, SETTLED), running())))
        .extracting(LastFailure::reason, LastFailure::rank).containsExactly("PodDeleted", 2);
  }

  @Test
  void theTrainersOwnWordsAreTaken() {
    String noData = "{\"stage\":\"train\",\"reason\":\"NoData\",\"message\":\"no parquet\"}";
    assertThat(failure(TRAIN, pod(TRAIN, 0, exited(64, noData, NOW), running()))).extracting(LastFailure::reason, LastFailure::message).containsExactly("NoData",
            "no parquet");
    assertThat(failure(TRAIN, pod(TRAIN, 0, exited(64, "{\"reason\":\"no reason; rm -rf\"}", NOW), running())).reason())
        .isEqualTo("BadInput");
    assertThat(failure(TRAIN, pod(TRAIN, 0, exited(134, "Exception in thread main", NOW), running())).message())
        .contains("Exception in thread main");
    assertThat(failure(TRAIN, pod(TRAIN, 0, exited(137, "the end of a log", NOW), running())).message())
        .isEqualTo("killed by SIGKILL");
  }

  @Test
  void whatTheRuntimeKnowsIsTold() {
    assertThat(failure(TRAIN, pod(TRAIN, 0, new ContainerView.Terminated(128, "StartError", "exec: no such file", NOW),
        running()))).extracting(LastFailure::reason, LastFailure::exitCode).containsExactly("StartError", 128);
    assertThat(failure(TRAIN, pod(TRAIN, 0, new ContainerView.Terminated(137, "OOMKilled", "", NOW), running()))
        .message()).contains("max_frames_in_batch");
    JobView parquet = job(Stage.PARQUET, 1);
    assertThat(failure(parquet, pod(parquet, 0, new ContainerView.Terminated(137, "OOMKilled", "", NOW)))
        .message()).endsWith("raise resources.limits.memory");
  }

  @Test
  void aFailedCheckIsTold() {
    assertThat(failedCheck(exited(66, "{\"reason\":\"ModelNotFound\",\"message\":\"m\"}", NOW)))
        .extracting(LastFailure::stage, LastFailure::reason, LastFailure::rank)
        .containsExactly("check", "ModelNotFound", null);
    assertThat(failedCheck(new ContainerView.Terminated(137, "OOMKilled", "", NOW)))
        .extracting(LastFailure::stage, LastFailure::reason, LastFailure::rank)
        .containsExactly("check", "OOMKilled", null);
  }

  private static LastFailure failedCheck(ContainerView.State end) {
    JobView job = job(Stage.PREPARE_DATA, 1);
    PodView pod = new PodView("p", Stage.PREPARE_DATA, StageStep.WHOLE, 1, 0, "n", true, Optional.empty(),
        Optional.empty(), Optional.empty(), Optional.empty(), List.of(new ContainerView("check", true, 0, end),
        new ContainerView("stage", false, 0, new ContainerView.Waiting("PodInitializing", ""))));
    return ((JobOutcome.Failed) JobOutcome.of(Optional.of(job), List.of(pod), Map.of(), 1, 1, NOW)).failure().details();
  }

  @Test
  void whatDoesNotStartIsTold() {
    assertThat(of(TRAIN, unschedulable(pod(TRAIN, 0), "0/3 nodes are available")))
        .isEqualTo(new JobOutcome.NotStarted("Unschedulable", "pod demo-train-1-0: 0/3 nodes are available",
            "; a changed spec is used by the next attempt: delete job demo-train-1 to start it"));
    assertThat(of(TRAIN, pod(TRAIN, 0, new ContainerView.Waiting("ImagePullBackOff", "no such image"), running())))
        .isInstanceOfSatisfying(JobOutcome.NotStarted.class, n -> {
          assertThat(n.reason()).isEqualTo("ImagePullFailed");
          assertThat(n.advice()).endsWith("for another one suspend it, or delete the FlowTraining and apply it anew");
        });
    assertThat(JobOutcome.of(Optional.of(TRAIN), List.of(),
        Map.of("demo-train-1", new Warning("FailedCreate", "exceeded quota")), 2, 2, NOW))
        .isEqualTo(new JobOutcome.NotStarted("PodCreationFailed", "job demo-train-1: exceeded quota", ""));
    PodView mounting = pod(TRAIN, 0, new ContainerView.Waiting("ContainerCreating", ""));
    assertThat(JobOutcome.of(Optional.of(TRAIN), List.of(mounting),
        Map.of(mounting.name(), new Warning("FailedMount", "no such host")), 2, 2, NOW))
        .isEqualTo(new JobOutcome.NotStarted("FailedMount", "pod demo-train-1-0: no such host",
            "; a changed spec is used by the next attempt: delete job demo-train-1 to start it"));
  }

  @Test
  void whatIsOverIsNotTold() {
    PodView pulling = pod(TRAIN, 0, new ContainerView.Waiting("ContainerCreating", ""));
    PodView other = pod(TRAIN, 1, running());
    assertThat(JobOutcome.of(Optional.of(TRAIN), List.of(pulling, other), Map.of(
        pulling.name(), new Warning("FailedScheduling", "0/3 nodes are available"),
        TRAIN.name(), new Warning("FailedCreate", "exceeded quota")), 2, 2, NOW))
        .isEqualTo(new JobOutcome.NotStarted("", "the pods of demo-train-1 are starting", ""));
  }

  @Test
  void theEndIsTheJobsToSay() {
    assertThat(of(complete(TRAIN))).isEqualTo(new JobOutcome.Succeeded());
    assertThat(JobOutcome.of(Optional.empty(), List.of(), Map.of(), 2, 2, NOW)).isEqualTo(new JobOutcome.Absent());
    JobOutcome ended = of(TRAIN, pod(TRAIN, 0, exited(0, NOW), exited(0, NOW)), pod(TRAIN, 1, exited(0, NOW), exited(0,
        NOW)));
    assertThat(ended).as("all ranks ended well, the Job does not say so yet").isEqualTo(new JobOutcome.Running(NOW));
  }

  @Test
  void ofShardsOnlyTheJobSaysThatTheyFailed() {
    JobView shards = job(Stage.PARQUET, StageStep.SHARDS, 1, 3);
    PodView killed = ended(pod(shards, 1, exited(137, NOW.minusSeconds(9))));
    assertThat(ofShards(shards, pod(shards, 0, running()), killed, pod(shards, 2, running()), pod(shards, 1, running())))
        .isInstanceOf(JobOutcome.Running.class);
    assertThat(ofShards(shards, pod(shards, 0, running()), killed, unschedulable(pod(shards, 1), "no node")))
        .isInstanceOfSatisfying(JobOutcome.NotStarted.class, n -> assertThat(n.reason()).isEqualTo("Unschedulable"));
    assertThat(ofShards(complete(shards), killed)).isEqualTo(new JobOutcome.Succeeded());
    assertThat(ofShards(shards)).isInstanceOf(JobOutcome.NotStarted.class);

    JobView failed = failed(shards, NOW.minusSeconds(1));
    JobOutcome outcome = ofShards(failed, killed,
        disrupted(ended(pod(shards, 0, exited(1, NOW.minusSeconds(5)))), "EvictionByEvictionAPI", NOW.minusSeconds(6)),
        ended(pod(shards, 2, exited(64, "{\"reason\":\"NoData\",\"message\":\"nothing here\"}", NOW.minusSeconds(2)))),
        deleted(pod(shards, 1, exited(143, NOW)), NOW.minusSeconds(1)));
    assertThat(((JobOutcome.Failed) outcome).failure().details())
        .extracting(LastFailure::reason, LastFailure::message, LastFailure::exitCode, LastFailure::node)
        .containsExactly("NoData", "shard 2/3: nothing here", 64, "node-2");
  }

  private static PodView ended(PodView p) {
    return new PodView(p.name(), p.stage(), p.step(), p.attempt(), p.index(), p.node(), true, p.deletionRequested(),
        p.graceEnds(), p.disruption(), p.unschedulable(), p.containers());
  }

  private static JobOutcome ofShards(JobView job, PodView... pods) {
    return JobOutcome.ofShards(Optional.of(job), List.of(pods), Map.of(), NOW);
  }

  private static LastFailure failure(JobView job, PodView... pods) {
    return ((JobOutcome.Failed) of(job, pods)).failure().details();
  }

  private static JobOutcome of(JobView job, PodView... pods) {
    return JobOutcome.of(Optional.of(job), List.of(pods), Map.of(), 2, 2, NOW);
  }
}
