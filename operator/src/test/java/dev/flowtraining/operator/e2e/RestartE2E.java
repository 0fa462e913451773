package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Ranks and the operator die in mid-training; the whole set goes on from the last checkpoint. */
@ExtendWith(KindCluster.Failures.class)
class RestartE2E {
  private static final int EPOCHS = 60;

  private KindCluster cluster;

  @BeforeEach
  void startTraining() throws Exception {
    cluster = KindCluster.open("restart");
    cluster.speech("train", 40);
    cluster.apply("restart", Specs.tiny("train", EPOCHS));
    cluster.await("restart", Duration.ofMinutes(6), "a checkpoint",
        s -> s.training().checkpoint() != null && s.training().checkpoint().epoch() >= 2);
  }

  @AfterEach
  void close() {
    cluster.close();
  }

  @Test
  void deletedRankRestartsTheWholeSetOnce() throws Exception {
    Pod victim = cluster.pod("restart-train-1", 1);
    cluster.client.resource(victim).withGracePeriod(0).delete();
    FlowTrainingStatus status = assertOneRestartToTheEnd();
    assertThat(status.training().lastFailure().rank()).isEqualTo(1);
    assertThat(status.training().lastFailure().attempt()).isEqualTo(1);
  }

  @Test
  void killedRankRestartsTheWholeSetOnce() throws Exception {
    KindCluster.sigkill(cluster.pod("restart-train-1", 0));
    FlowTrainingStatus status = assertOneRestartToTheEnd();
    assertThat(status.training().lastFailure().rank()).isZero();
    assertThat(status.training().lastFailure().exitCode()).isEqualTo(137);
    assertThat(status.training().lastFailure().node()).isNotBlank();
  }

  @Test
  void operatorRestartDisturbsNothing() {
    String before = cluster.pod("restart-train-1", 0).getMetadata().getUid();
    cluster.client.pods().inNamespace("flowtraining-system")
        .withLabel("app.kubernetes.io/name", "flowtraining-operator").withGracePeriod(0).delete();
    FlowTrainingStatus status = cluster.awaitEnd("restart", Duration.ofMinutes(6));
    KindCluster.assertSucceeded(status);
    assertThat(status.training().restarts()).isZero();
    assertThat(status.training().attempt()).isEqualTo(1);
    assertThat(cluster.pod("restart-train-1", 0).getMetadata().getUid()).isEqualTo(before);
  }

  private FlowTrainingStatus assertOneRestartToTheEnd() throws IOException {
    FlowTrainingStatus status = cluster.awaitEnd("restart", Duration.ofMinutes(6));
    KindCluster.assertSucceeded(status);
    assertThat(status.training().restarts()).isEqualTo(1);
    assertThat(status.training().attempt()).isEqualTo(2);
    assertThat(status.training().epoch()).as("the last epoch, from 0").isEqualTo(EPOCHS - 1);
    List<String> args = cluster.client.batch().v1().jobs().inNamespace(cluster.namespace).withName("restart-train-2")
        .get().getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs();
    assertThat(args).contains("--resume-from");
    String checkpoint = args.get(args.indexOf("--resume-from") + 1);
    assertThat(checkpoint).startsWith("exp/flow_model/attempt-1/");
    Path experiment = cluster.workspace.resolve(cluster.namespace).resolve("restart/exp/flow_model");
    assertThat(Files.readString(experiment.resolve("train.log"))).contains("training goes on from " + checkpoint);
    assertThat(experiment.resolve("attempt-2")).isDirectory();
    return status;
  }
}
