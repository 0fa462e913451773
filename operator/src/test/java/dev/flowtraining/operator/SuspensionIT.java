package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.flowtraining.operator.api.v1alpha1.AttemptOutcome;
import dev.flowtraining.operator.api.v1alpha1.AttemptStatus;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.client.KubernetesClientException;
import org.junit.jupiter.api.Test;

/** spec.suspend, and what may change meanwhile. */
class SuspensionIT extends PlayedLife {

  private static final String SUSPENDED = TRAIN_ONLY + "  suspend: true\n";

  @Test
  void trainingIsSuspendedWithACheckpointAndGoesOnWithOtherGpus() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.report("demo", "progress.json", progress(1, 0.2, 1, 50));
    cluster.await("demo", s -> s.training().checkpoint() != null);
    assertThat(refusal(TRAIN_ONLY.replace("gpus: 4", "gpus: 2"))).contains("set spec.suspend: true");

    cluster.apply(SUSPENDED);
    FlowTrainingStatus stopping = cluster.awaitPhase("demo", Phase.SUSPENDING);
    assertThat(condition(stopping, "Suspended").status()).isEqualTo("False");
    PlayedCluster.await(() -> cluster.job("demo-train-1"), j -> j == null);
    // on SIGTERM rank 0 saves
    cluster.report("demo", "progress.json", progress(1, 0.25, 1, 61));
    cluster.await("demo", s -> s.training().checkpoint().step() == 61);
    assertThat(cluster.status("demo").phase()).as("its pods are still there").isEqualTo(Phase.SUSPENDING);
    assertThat(refusal(SUSPENDED.replace("gpus: 4", "gpus: 2"))).as("the wish is not yet the condition")
        .contains("wait for the condition Suspended");
    cluster.letGo("demo-train-1");
    FlowTrainingStatus suspended = cluster.awaitPhase("demo", Phase.SUSPENDED);
    assertThat(condition(suspended, "Suspended").status()).isEqualTo("True");
    assertThat(condition(suspended, "Suspended").message()).contains("attempt-1/step_61.pt");
    assertThat(cluster.jobs()).isEmpty();

    cluster.apply(SUSPENDED.replace("gpus: 4", "gpus: 2"));
    cluster.apply(TRAIN_ONLY.replace("gpus: 4", "gpus: 2"));
    Job second = cluster.awaitJob("demo-train-2");
    assertThat(second.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs())
        .containsSubsequence("--resume-from", "exp/flow_model/attempt-1/step_61.pt");
    assertThat(environment(second, "WORLD_SIZE")).isEqualTo("2");
    FlowTrainingStatus resumed = cluster.awaitPhase("demo", Phase.RUNNING);
    assertThat(condition(resumed, "Suspended")).satisfies(c -> {
      assertThat(c.status()).isEqualTo("False");
      assertThat(c.reason()).isEqualTo("Resumed");
    });
    cluster.run("demo-train-2");
    cluster.complete("demo-train-2");
    FlowTrainingStatus end = cluster.awaitPhase("demo", Phase.SUCCEEDED);
    assertThat(end.training().restarts()).isZero();
    assertThat(end.training().disruptions()).isEqualTo(1);
    assertThat(end.attempts()).extracting(AttemptStatus::outcome)
        .containsExactly(AttemptOutcome.SUSPENDED, AttemptOutcome.SUCCEEDED);
    assertThat(end.startTime()).isEqualTo(suspended.startTime());
    cluster.awaitEvents("demo", "RunStarted", "StageStarted", "CheckpointAccepted", "Suspending", "CheckpointAccepted",
        "Suspended", "Resumed", "StageStarted", "StageCompleted", "Completed");
  }

  @Test
  void aConfigurationChangedMeanwhileTrainsAnew() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(TRAIN_ONLY);
    cluster.run("demo-train-1");
    cluster.report("demo", "progress.json", progress(1, 0.2, 1, 50));
    cluster.await("demo", s -> s.training().checkpoint() != null);
    cluster.apply(SUSPENDED);
    cluster.awaitPhase("demo", Phase.SUSPENDING);
    cluster.letGo("demo-train-1");
    cluster.awaitPhase("demo", Phase.SUSPENDED);
    cluster.apply(TRAIN_ONLY + "  config: {inline: 'train_conf: {optim_conf: {lr: 0.0001}}'}\n");
    Job second = cluster.awaitJob("demo-train-2");
    assertThat(second.getSpec().getTemplate().getSpec().getContainers().getFirst().getArgs())
        .contains("--config").doesNotContain("--resume-from");
    assertThat(cluster.status("demo").training().checkpoint()).isNull();
  }

  @Test
  void nothingBeginsBeforeTheWishIsTakenBack() {
    cluster.claim("flow-workspace", "ReadWriteMany");
    cluster.apply(SUSPENDED);
    FlowTrainingStatus suspended = cluster.awaitPhase("demo", Phase.SUSPENDED);
    assertThat(suspended.observedGeneration()).isEqualTo(1);
    assertThat(cluster.jobs()).isEmpty();
    cluster.apply(TRAIN_ONLY);
    cluster.awaitJob("demo-train-1");
    cluster.await("demo", s -> s.of(Stage.TRAIN).attempt() == 1);
    cluster.awaitEvents("demo", "Suspended", "RunStarted", "StageStarted");
  }

  private static String refusal(String yaml) {
    KubernetesClientException refused =
        catchThrowableOfType(KubernetesClientException.class, () -> cluster.apply(yaml));
    assertThat(refused).as("accepted: " + yaml).isNotNull();
    return refused.getMessage();
  }
}
