package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StagePhase;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import java.time.Clock;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What goes wrong around a FlowTraining, and how its run goes on or ends. */
class FailuresIT extends PlayedLife {

  @Test
  void oneRankFailsAndTheWholeSetStartsAgainFromTheCheckpoint() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.report("demo", "progress.json", progress(1, 0.2, 1, 50));
    cluster.await("demo", s -> s.training().checkpoint() != null);

    // rank 2 is killed; the others only lose their peer. Its pod runs on: rank 3 lives
    cluster.exit("demo-train-1-0", 0, 75, "Error", "{\"stage\":\"train\",\"rank\":0,\"reason\":\"PeerLost\","
        + "\"message\":\"rank 2 is gone\"}");
    cluster.exit("demo-train-1-1", 0, 137, "Error", "");
    FlowTrainingStatus restarting = cluster.awaitPhase("demo", Phase.RESTARTING);
    LastFailure failure = restarting.training().lastFailure();
    assertThat(failure.rank()).isEqualTo(2);
    assertThat(failure.exitCode()).isEqualTo(137);
    assertThat(failure.reason()).isEqualTo("Killed");
    assertThat(failure.node()).isEqualTo("node-1");
    assertThat(restarting.training().restarts()).isEqualTo(1);
    PlayedCluster.await(() -> cluster.job("demo-train-1"), j -> j == null);

    sleep(2000);
    assertThat(cluster.jobs()).as("old pods are still there").isEmpty();
    // a zombie of attempt 1 cannot move the checkpoint once attempt 2 runs
    cluster.letGo("demo-train-1");
    Job second = cluster.awaitJob("demo-train-2");
    assertThat(second.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs())
        .containsSubsequence("--resume-from", "exp/flow_model/attempt-1/step_50.pt");
    assertThat(environment(second, "FLOWTRAINING_ATTEMPT")).isEqualTo("2");
    cluster.run("demo-train-2");
    cluster.await("demo", s -> s.phase() == Phase.RUNNING && s.training().attempt() == 2);
    cluster.report("demo", "progress.json", progress(1, 0.9, 9, 900));
    cluster.report("demo", "progress.json", "not json");
    cluster.report("demo", "progress.json", progress(2, 0.6, 6, 80));
    FlowTrainingStatus moved = cluster.await("demo", s -> "60%".equals(s.progress()));
    assertThat(moved.training().checkpoint().path()).isEqualTo("exp/flow_model/attempt-2/step_80.pt");
    assertThat(moved.of(Stage.TRAIN).countedRestarts()).as("the budget is full again").isZero();
    cluster.complete("demo-train-2");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.training().restarts()).isEqualTo(1);
    assertThat(condition(end, "DataPrepared").reason()).isEqualTo("NotRequested");
    cluster.awaitEvents("demo", "RunStarted", "StageStarted", "CheckpointAccepted",
        "TrainingRestarted", "StageStarted", "CheckpointAccepted", "StageCompleted", "Completed");
  }

  @Test
  void ranksThatWaitInVainAreStartedAgainWithTheCause() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY.replace("gpus: 4", "rendezvousTimeout: 1m, gpus: 4"));
    cluster.run("demo-train-1");
    cluster.unschedulable("demo-train-1-1", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.");
    FlowTrainingStatus waiting = cluster.await("demo",
        s -> "Unschedulable".equals(condition(s, "Ready").reason()));
    assertThat(waiting.phase()).isEqualTo(Phase.RUNNING);
    cluster.stopOperator();
    cluster.startOperator(Clock.offset(Clock.systemUTC(), Duration.ofMinutes(4)));
    FlowTrainingStatus restarting = cluster.awaitPhase("demo", Phase.RESTARTING);
    LastFailure failure = restarting.training().lastFailure();
    assertThat(failure.reason()).isEqualTo("Unschedulable");
    assertThat(failure.rank()).isEqualTo(2);
    assertThat(failure.message()).startsWith("ranks 2, 3 did not start within training.rendezvousTimeout 1m")
        .contains("3 Insufficient nvidia.com/gpu");
    assertThat(restarting.training().disruptions()).isEqualTo(1);
    assertThat(restarting.training().restarts()).isZero();
    PlayedCluster.await(() -> cluster.job("demo-train-1"), j -> j == null);
    cluster.letGo("demo-train-1");
    cluster.awaitJob("demo-train-2");
  }

  @Test
  void aDeletedPodIsTheCauseNotItsVictims() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.await("demo", s -> s.of(Stage.TRAIN).phase() == StagePhase.RUNNING);
    // its peer notices first, and ends
    cluster.exit("demo-train-1-0", 0, 75, "Error", "{\"stage\":\"train\",\"rank\":0,\"reason\":\"PeerLost\","
        + "\"message\":\"rank 2 is gone\"}");
    cluster.client.pods().inNamespace("default").withName("demo-train-1-1").delete();
    FlowTrainingStatus restarting = cluster.awaitPhase("demo", Phase.RESTARTING);
    assertThat(restarting.training().lastFailure().reason()).isEqualTo("PodDeleted");
    assertThat(restarting.training().lastFailure().rank()).isEqualTo(2);
    assertThat(restarting.training().restarts()).isEqualTo(1);
    assertThat(restarting.training().disruptions()).isZero();
  }

  @Test
  void aPodOnALostNodeIsDeletedByForce() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.exit("demo-train-1-0", 0, 1, "Error", "");
    cluster.awaitPhase("demo", Phase.RESTARTING);
    PlayedCluster.await(() -> cluster.job("demo-train-1"), j -> j == null);
    // the garbage collector asks, the kubelet does not answer
    cluster.client.pods().inNamespace("default").withName("demo-train-1-1").delete();
    cluster.client.pods().inNamespace("default").withName("demo-train-1-0").delete();
    cluster.await("demo", s -> condition(s, "Ready").message().contains("pod demo-train-1-1 on node node-1"));
    assertThat(cluster.pod("demo-train-1-1").getMetadata().getDeletionGracePeriodSeconds()).isEqualTo(60);
    cluster.stopOperator();
    cluster.startOperator(Clock.offset(Clock.systemUTC(), Duration.ofMinutes(6)));
    PlayedCluster.await(() -> cluster.pod("demo-train-1-1").getMetadata().getDeletionGracePeriodSeconds(), g -> g == 0);
    cluster.letGo("demo-train-1");
    cluster.awaitJob("demo-train-2");
  }

  @Test
  void aPermanentExitCodeFailsAtOnce() {
    cluster.claim("speech", "ReadOnlyMany");
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(ALL_STAGES);
    cluster.run("demo-prepare-data");
    cluster.exit("demo-prepare-data-0", 0, 64, "Error", "{\"stage\":\"prepare-data\",\"reason\":\"DuplicateUtterance\","
        + "\"message\":\"text:17: utterance a1 is there twice\"}");
    cluster.fail("demo-prepare-data");
    FlowTrainingStatus failed = cluster.awaitPhase("demo", Phase.FAILED);
    assertThat(condition(failed, "Stalled").status()).isEqualTo("True");
    assertThat(condition(failed, "Reconciling").status()).isEqualTo("False");
    assertThat(condition(failed, "DataPrepared").reason()).isEqualTo("DuplicateUtterance");
    assertThat(condition(failed, "Ready").message()).contains("text:17: utterance a1 is there twice");
    assertThat(failed.training().lastFailure().exitCode()).isEqualTo(64);
    assertThat(cluster.jobs()).containsExactly("demo-prepare-data");
    cluster.awaitEvents("demo", "RunStarted", "StageStarted", "Failed");

    // a change of the spec starts it again
    cluster.apply(ALL_STAGES.replace("path: train", "path: train2"));
    Job again = cluster.awaitJob("demo-prepare-data-2");
    assertThat(again.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs()).contains("/data/train2");
  }

  @Test
  void theBudgetEnds() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    for (int attempt = 1; attempt <= 3; attempt++) {
      cluster.run("demo-train-" + attempt);
      cluster.exit("demo-train-" + attempt + "-0", 0, 1, "Error", "");
      if (attempt < 3) {
        int failed = attempt;
        cluster.await("demo", s -> s.training().restarts() == failed);
        cluster.letGo("demo-train-" + attempt);
      }
    }
    FlowTrainingStatus failed = cluster.awaitPhase("demo", Phase.FAILED);
    assertThat(failed.training().restarts()).isEqualTo(2);
    assertThat(condition(failed, "Trained").message()).contains("after 2 restarts (restartPolicy.maxRestarts)");
  }

  @Test
  void aMissingClaimIsToldAndTheRunGoesOnWhenItComes() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(ALL_STAGES);
    cluster.await("demo", s -> s.condition("Ready").filter(c -> c.reason().equals("VolumeClaimNotFound")).isPresent());
    assertThat(condition(cluster.status("demo"), "Stalled").holds()).as("it may be applied together with it").isFalse();
    cluster.stopOperator();
    cluster.startOperator(Clock.offset(Clock.systemUTC(), Duration.ofMinutes(1)));
    FlowTrainingStatus blocked = cluster.await("demo", s -> s.condition("Stalled").filter(Condition::holds)
        .isPresent());
    assertThat(blocked.phase()).isEqualTo(Phase.PENDING);
    assertThat(condition(blocked, "Stalled").reason()).isEqualTo("VolumeClaimNotFound");
    assertThat(condition(blocked, "Stalled").message()).contains("'speech'");
    assertThat(cluster.jobs()).isEmpty();
    cluster.claim("speech", "ReadOnlyMany");
    cluster.awaitJob("demo-prepare-data");
    FlowTrainingStatus running = cluster.awaitPhase("demo", Phase.RUNNING);
    assertThat(condition(running, "Stalled").status()).isEqualTo("False");
  }

  @Test
  void anApiThatFailsIsToldAndTheRunGoesOnWhenItWorks() {
    var webhook = cluster.breakJobs();
    try {
      cluster.claim("flow-workspace", "ReadWriteMany");
      cluster.apply(TRAIN_ONLY);
      FlowTrainingStatus told = cluster.await("demo",
          s -> s.condition("Reconciling").filter(c -> c.reason().equals("ApiError")).isPresent());
      assertThat(condition(told, "Reconciling").status()).isEqualTo("True");
      assertThat(condition(told, "Ready").message()).contains("broken.test.flowtraining.dev");
    } finally {
      cluster.client.resource(webhook).delete();
    }
    cluster.run("demo-train-1");
    cluster.await("demo", s -> s.phase() == Phase.RUNNING && !condition(s, "Ready").reason().equals("ApiError"));
  }

  @Test
  void severalTrainingPodsNeedAWorkspaceThatTheyCanShare() {
    cluster.claim("flow-workspace", "ReadWriteOnce");
    cluster.apply(TRAIN_ONLY);
    FlowTrainingStatus blocked = cluster.await("demo", s -> s.condition("Stalled").filter(Condition::holds)
        .isPresent());
    assertThat(condition(blocked, "Ready").reason()).isEqualTo("VolumeNotShareable");
    cluster.apply(TRAIN_ONLY.replace("gpusPerPod: 2", "gpusPerPod: 4"));
    assertThat(cluster.awaitJob("demo-train-1").getSpec().getCompletions()).isEqualTo(1);
  }

  @Test
  void anOperatorRestartDisturbsNothingAndMissesNothing() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    Job before = cluster.run("demo-train-1");
    cluster.await("demo", s -> s.of(Stage.TRAIN).phase() == StagePhase.RUNNING);
    cluster.stopOperator();
    cluster.startOperator();
    cluster.report("demo", "progress.json", progress(1, 0.1, 1, 10));
    cluster.await("demo", s -> "10%".equals(s.progress()));
    assertThat(cluster.job("demo-train-1").getMetadata().getUid()).isEqualTo(before.getMetadata().getUid());
    assertThat(cluster.status("demo").training().restarts()).isZero();

    cluster.stopOperator();
    cluster.exit("demo-train-1-1", 1, 1, "Error", "boom");
    cluster.startOperator();
    FlowTrainingStatus restarting = cluster.awaitPhase("demo", Phase.RESTARTING);
    assertThat(restarting.training().lastFailure().rank()).isEqualTo(3);
    assertThat(restarting.training().lastFailure().message()).contains("boom");
    cluster.letGo("demo-train-1");
    cluster.awaitJob("demo-train-2");
  }

  @Test
  void aNodeThatDoesNotAnswerIsADisruption() {
    cluster.node("node-1", true);
    try {
      cluster.claim("flow-workspace", "ReadWriteMany");
      cluster.apply(TRAIN_ONLY.replace("maxRestarts: 2", "maxRestarts: 2, nodeLostTimeout: 1s"));
      cluster.run("demo-train-1");
      cluster.await("demo", s -> s.of(Stage.TRAIN).phase() == StagePhase.RUNNING);
      cluster.exit("demo-train-1-0", 0, 75, "Error", "{\"stage\":\"train\",\"rank\":0,\"reason\":\"PeerLost\","
          + "\"message\":\"rank 2 is gone\"}");
      cluster.await("demo", s -> condition(s, "Ready").message().contains("looking for the cause"));
      cluster.node("node-1", false);
      cluster.notReady("demo-train-1-1");
      FlowTrainingStatus restarting = cluster.awaitPhase("demo", Phase.RESTARTING);
      assertThat(restarting.training().lastFailure().reason()).isEqualTo("NodeLost");
      assertThat(restarting.training().lastFailure().node()).isEqualTo("node-1");
      assertThat(restarting.training().disruptions()).isEqualTo(1);
      assertThat(restarting.training().restarts()).isZero();
      PlayedCluster.await(() -> cluster.job("demo-train-1"), j -> j == null);
      // the garbage collector asks, the kubelet does not answer: the operator does not wait for the grace period
      cluster.client.pods().inNamespace("default").withName("demo-train-1-1").delete();
      PlayedCluster.await(() -> cluster.pod("demo-train-1-1").getMetadata().getDeletionGracePeriodSeconds(),
          g -> g == 0);
      cluster.letGo("demo-train-1");
      cluster.awaitJob("demo-train-2");
    } finally {
      cluster.client.nodes().withName("node-1").delete();
    }
  }

  @Test
  void trainingThatTakesTooLongFailsForGood() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY.replace("device: cpu", "device: cpu, activeDeadline: 4s"));
    cluster.run("demo-train-1");
    FlowTrainingStatus failed = cluster.awaitPhase("demo", Phase.FAILED);
    assertThat(condition(failed, "Stalled").reason()).isEqualTo("DeadlineExceeded");
    assertThat(failed.training().activeSeconds()).isBetween(4L, 15L);
    assertThat(failed.training().activeSince()).isNull();
  }

  @Test
  void aJobWaitsInItsQueueAndAPreemptionIsADisruption() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY.replace("gpusPerPod: 2, device: cpu", "device: cuda") + "  queueName: team-a\n");
    Job queued = cluster.awaitJob("demo-train-1");
    assertThat(queued.getSpec().getSuspend()).isTrue();
    assertThat(queued.getMetadata().getLabels()).containsEntry("kueue.x-k8s.io/queue-name", "team-a");
    cluster.await("demo", s -> condition(s, "Ready").reason().equals("Queued"));

    cluster.suspend("demo-train-1", false);
    cluster.run("demo-train-1");
    cluster.await("demo", s -> condition(s, "Ready").reason().equals("Running"));
    cluster.suspend("demo-train-1", true);
    cluster.client.pods().inNamespace("default").withName("demo-train-1-0").delete();
    FlowTrainingStatus preempted = cluster.awaitPhase("demo", Phase.RESTARTING);
    assertThat(preempted.training().lastFailure().reason()).isEqualTo("Preempted");
    assertThat(preempted.training().disruptions()).isEqualTo(1);
    cluster.letGo("demo-train-1");
    assertThat(cluster.awaitJob("demo-train-2").getSpec().getSuspend()).as("it queues anew").isTrue();
  }
}
