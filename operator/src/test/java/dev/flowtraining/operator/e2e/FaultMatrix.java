package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.LastFailure;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** What goes wrong, when, and what has to come of it. */
final class FaultMatrix {
  /** Both fit on one node of two cores, and the scheduler spreads them where it can. */
  private static final String SPREAD = "resources: {requests: {cpu: 700m}}";

  private static final String BACKOFF = "max: 5s}}";
  private static final String NODE_LOST = "max: 5s}, nodeLostTimeout: 30s}";

  private FaultMatrix() {}

  static List<FaultCase> all() {
    List<FaultCase> all = new ArrayList<>();
    for (Moment moment : Moment.values()) {
      for (int rank : List.of(0, 1)) {
        all.add(killed(rank, moment));
      }
    }
    Stream.of(jobDeleted(), suspendedInTraining(), operatorKilled(), deletedInTraining(), appliedAgain())
        .map(FaultCase::inEveryBuild).forEach(all::add);
    all.addAll(List.of(podDeleted(), progressDeleted(), evicted(), rankHangs(), allHang(), suspendedEverywhere(),
        twoOfTheSameData(), outOfMemory(), imageMissing(), claimPending()));
    all.addAll(List.of(operatorKilledOften(), drained(), preempted(), nodeStopped(0), nodeStopped(1), nodePaused(),
        diskFull(), apiServerStopped(), etcdRestarted()));
    return all;
  }

  /** From training to the end, with what happens in training. */
  private static List<String> training(String... steps) {
    return Stream.concat(Stream.of(steps), Stream.of("Running average/1", "Running export/1", "Succeeded")).toList();
  }

  /** The same, with one restart. */
  private static List<String> restart(String why) {
    return training("Running train/1", "Restarting train/1 " + why, "Running train/2");
  }

  private static FaultCase fault(String name, List<String> transitions, FaultCase.Fault fault) {
    return new FaultCase(name, Specs.training(Specs.FAULTS_EPOCHS), fault, transitions);
  }

  private static FaultCase killed(int rank, Moment moment) {
    FaultCase killed = fault("rank-" + rank + "-killed-at-" + moment.id(),
        restart("Killed rank " + rank + " [1+0]"), run -> {
          String[] node = new String[1];
          run.at(moment, 1, ranks -> {
            node[0] = ranks.node(rank);
            ranks.kill(rank);
          });
          LastFailure failure = run.restarted().training().lastFailure();
          assertThat(failure.exitCode()).isEqualTo(137);
          assertThat(failure.node()).isEqualTo(node[0]);
          if (moment.followsCheckpoint()) {
            run.assertResumes();
          }
        });
    // each moment once
    return (moment.ordinal() + rank) % 2 == 1 ? killed.inEveryBuild() : killed;
  }

  private static FaultCase podDeleted() {
    return fault("pod-deleted", restart("PodDeleted rank 1 [1+0]"),
        run -> run.at(Moment.VALIDATION, 1, ranks -> run.deletePod(ranks.pod(1))));
  }

  private static FaultCase jobDeleted() {
    return fault("job-deleted", restart("JobDeleted [1+0]"),
        run -> run.at(Moment.VALIDATION, 1, ranks -> run.deleteJob(run.job(1))));
  }

  private static FaultCase progressDeleted() {
    return fault("progress-deleted", training("Running train/1"),
        run -> run.at(Moment.VALIDATION, 1, ranks -> run.deleteProgress()));
  }

  private static FaultCase evicted() {
    return fault("rank-evicted", restart("EvictionByEvictionAPI rank 1 [0+1]"),
        run -> run.at(Moment.VALIDATION, 1, ranks -> run.evict(ranks.pod(1))));
  }

  private static FaultCase suspendedInTraining() {
    return fault("suspended-in-training",
        training("Running train/1", "Suspending train", "Suspended train", "Running train/2"), run -> {
          run.at(Moment.VALIDATION, 1, ranks -> run.suspendUntilTold(run.job(1)));
          run.resumeWhenSuspended();
        });
  }

  private static FaultCase operatorKilled() {
    return fault("operator-killed", training("Running train/1"),
        run -> run.at(Moment.VALIDATION, 1, ranks -> run.killOperator()));
  }

  private static FaultCase deletedInTraining() {
    return fault("deleted-in-training", List.of("Running train/1", "Deleted"),
        run -> {
          run.at(Moment.VALIDATION, 1, ranks -> run.log.say("deleting"));
          run.delete();
        });
  }

  /** What {@code run.json} tells of is adopted: each stage looks, and finds nothing to do. */
  private static FaultCase appliedAgain() {
    return fault("applied-again", List.of("Running train/1", "Running average/1", "Running export/1", "Succeeded",
        "Deleted", "Running train/1", "Running average/1", "Running export/1", "Succeeded"), run -> {
          run.reached("the end", s -> s.phase() == Phase.SUCCEEDED);
          String log = run.trainLog();
          run.delete();
          run.cluster.apply(run.name, Specs.training(Specs.FAULTS_EPOCHS));
          run.reached("the end", s -> s.phase() == Phase.SUCCEEDED);
          assertThat(run.trainLog()).as("train.log, to which every attempt that trains appends").isEqualTo(log);
        });
  }

  /** Its peer notices. */
  private static FaultCase rankHangs() {
    return fault("rank-hangs", restart("PeerLost rank 0 [1+0]"), run -> {
      Ranks[] held = new Ranks[1];
      run.at(Moment.VALIDATION, 1, ranks -> held[0] = ranks);
      held[0].stop(1);
    });
  }

  /** The operator notices. */
  private static FaultCase allHang() {
    FaultCase hang = fault("all-ranks-hang", restart("NoProgress [1+0]"), run -> {
      Ranks[] held = new Ranks[1];
      run.at(Moment.VALIDATION, 1, ranks -> held[0] = ranks);
      held[0].stopAll();
    });
    return hang.training("stallTimeout: 40s");
  }

  private static FaultCase suspendedEverywhere() {
    List<String> steps = new ArrayList<>();
    for (Stage stage : Stage.inOrder()) {
      steps.addAll(List.of("Running " + stage.id() + "/1", "Suspending " + stage.id(), "Suspended " + stage.id(),
          "Running " + stage.id() + "/2"));
    }
    steps.add("Succeeded");
    return new FaultCase("suspended-in-every-stage", Specs.faults(Specs.FAULTS_EPOCHS), run -> {
      for (Stage stage : Stage.inOrder()) {
        run.during(stage);
        run.held(stage, () -> {
          run.suspend(true);
          run.reached("Suspending", s -> s.phase() == Phase.SUSPENDING);
        });
        run.resumeWhenSuspended();
      }
    }, steps);
  }

  /** They share the work of stages 0 to 3, and what one of them leaves stays for the other. */
  private static FaultCase twoOfTheSameData() {
    List<String> calm = Stream.concat(Stage.inOrder().stream().map(s -> "Running " + s.id() + "/1"),
        Stream.of("Succeeded")).toList();
    String shared = Specs.faults(Specs.FAULTS_EPOCHS).replace("workspace: {", "workspace: {cache: Shared, ");
    return new FaultCase("two-with-the-same-data", shared, run -> {
      run.cluster.apply("twin", shared);
      var twin = run.cluster.awaitEnd("twin", FaultedRun.PATIENCE);
      KindCluster.assertSucceeded(twin);
      assertThat(FaultedRun.weights(twin)).isEqualTo(FaultedRun.weights(run.reached("the end",
          s -> s.phase() == Phase.SUCCEEDED)));
      assertThat(run.inodes("twin", "parquet")).isNotEmpty().isEqualTo(run.inodes(run.name, "parquet"));
    }, calm);
  }

  /** Tried once more, then given up; with more memory it goes on. */
  private static FaultCase outOfMemory() {
    FaultCase small = fault("out-of-memory", training("Running train/1", "Restarting train/1 OOMKilled [1+0]",
        "Running train/2", "Failed train/2 OOMKilled", "Running train/3"), run -> {
          run.reached("its failure", s -> s.phase() == Phase.FAILED);
          run.cluster.change(run.name, Specs.training(Specs.FAULTS_EPOCHS)
              .replace("gpus: 2}", "gpus: 2, gpusPerPod: 2}"));
          run.reachedAgain(Phase.RUNNING);
        });
    return small.training("gpusPerPod: 2, resources: {limits: {memory: 96Mi}}");
  }

  private static FaultCase imageMissing() {
    FaultCase later = fault("image-missing", training("Running train/1"), run -> {
      run.waitsWith("ImagePullFailed");
      for (var node : run.cluster.client.nodes().list().getItems()) {
        run.nodes.run(node.getMetadata().getName(),
            "ctr -n k8s.io images tag docker.io/library/flow-trainer:dev docker.io/library/flow-trainer:later 2>&1");
      }
    });
    return later.spec("template: {", "template: {image: 'flow-trainer:later', ");
  }

  private static FaultCase claimPending() {
    return fault("claim-pending", training("Running train/1"), run -> {
      run.waitsWith("Unschedulable");
      run.cluster.volume("later", "workspace");
    }).before(run -> run.cluster.request("later")).spec("claimName: flow-workspace", "claimName: later");
  }

  /** The ranks stand still most of the time, so that a short training lasts as long as the kills do. */
  private static FaultCase operatorKilledOften() {
    FaultCase often = fault("operator-killed-50-times", training("Running train/1"), run -> {
      Random random = new Random(50);
      Ranks ranks = run.ranks(1);
      for (int i = 0; i < 50; i++) {
        ranks.stopAll();
        KindCluster.pause(Duration.ofMillis(random.nextInt(10_000)));
        run.killOperator();
        ranks.goOnAll();
        KindCluster.pause(Duration.ofMillis(300));
      }
      assertThat(run.trainLog()).as("the last epoch is still to come").doesNotContain("epoch 99 ");
    });
    return often.training(100).onItsOwn();
  }

  private static FaultCase drained() {
    return fault("node-drained", restart("EvictionByEvictionAPI rank 1 [0+1]"), run -> {
      String[] node = new String[1];
      run.at(Moment.VALIDATION, 1, ranks -> {
        node[0] = ranks.otherNode();
        run.outages.cordon(node[0], true);
        run.evict(ranks.pod(1));
      });
      run.ranks(2);
      run.outages.cordon(node[0], false);
    }).training(SPREAD);
  }

  private static FaultCase preempted() {
    return fault("preempted", restart("PreemptionByScheduler rank 1 [0+1]"), run -> {
      run.at(Moment.VALIDATION, 1, ranks -> run.cluster.important(ranks.otherNode(), "1500m"));
      run.ranks(2);
      run.cluster.unimportant();
    }).training(SPREAD).onItsOwn();
  }

  private static FaultCase nodeStopped(int rank) {
    return fault("node-of-rank-" + rank + "-stopped", restart("NodeLost rank " + rank + " [0+1]"), run -> {
      run.at(Moment.VALIDATION, 1, ranks -> {
        ranks.otherNode();
        run.outages.killNode(ranks.node(rank));
      });
      run.ranks(2);
      run.outages.clusterUp();
    }).training(SPREAD).spec(BACKOFF, NODE_LOST).onItsOwn();
  }

  /** It comes back when the next attempt is at work. */
  private static FaultCase nodePaused() {
    return fault("node-paused", restart("NodeLost rank 0 [0+1]"), run -> {
      Ranks[] zombies = new Ranks[1];
      run.at(Moment.VALIDATION, 1, ranks -> {
        ranks.otherNode();
        run.outages.pauseNode(ranks.node(0));
        zombies[0] = ranks;
      });
      run.at(Moment.VALIDATION, 2, ranks -> {
        run.outages.wakeNode(zombies[0].node(0));
        zombies[0].goOnAll();
      });
      run.outages.nodeIsReady(zombies[0].node(0));
    }).training(SPREAD).spec(BACKOFF, NODE_LOST).onItsOwn();
  }

  private static FaultCase diskFull() {
    FaultCase full = fault("disk-full", restart("CheckpointNotWritten rank 0 [1+0]"), run -> {
      run.checkpointOf(1);
      run.volume.fill(true);
      run.reached("its failure", s -> s.phase() == Phase.RESTARTING);
      run.volume.fill(false);
    });
    return full.spec("template: {", "template: {nodeSelector: {" + SmallVolume.LABEL + ": 'true'}, ")
        .before(run -> run.volume.mount());
  }

  private static FaultCase apiServerStopped() {
    return fault("api-server-stopped", training("Running train/1"), run -> {
      run.at(Moment.FIRST_STEP, 1, ranks -> run.outages.stopApiServer());
      KindCluster.pause(Duration.ofMinutes(2));
      run.outages.startApiServer();
    }).onItsOwn();
  }

  private static FaultCase etcdRestarted() {
    return fault("etcd-restarted", training("Running train/1"), run -> {
      run.at(Moment.FIRST_STEP, 1, ranks -> run.outages.killEtcd());
      run.outages.apiServerIsBack();
    }).onItsOwn();
  }
}
