package dev.flowtraining.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.Condition;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** What tests of whole lives of FlowTrainings share: an API server, and pods that are played. */
@EnableKubeAPIServer
abstract class PlayedLife {

  @KubeConfig
  static String kubeConfig;
  static PlayedCluster cluster;

  static final String ALL_STAGES = """
      apiVersion: flowtraining.dev/v1alpha1
      kind: FlowTraining
      metadata: {name: demo, namespace: default}
      spec:
        data:
          train: {path: train}
          devFraction: 0.05
          volume: {persistentVolumeClaim: {claimName: speech}}
        workspace: {volume: {persistentVolumeClaim: {claimName: flow-workspace}}}
        config: {preset: tiny}
        training: {gpus: 2, device: cpu}
      """;
  static final String TRAIN_ONLY = """
      apiVersion: flowtraining.dev/v1alpha1
      kind: FlowTraining
      metadata: {name: demo, namespace: default}
      spec:
        stages: {from: train, to: train}
        workspace: {volume: {persistentVolumeClaim: {claimName: flow-workspace}}}
        training: {gpus: 4, gpusPerPod: 2, device: cpu}
        restartPolicy: {maxRestarts: 2, backoff: {initial: 1s, max: 1s}}
      """;

  @BeforeAll
  static void connect() {
    cluster = new PlayedCluster(new KubernetesClientBuilder().withConfig(
        new ConfigBuilder(Config.fromKubeconfig(kubeConfig)).withRequestRetryBackoffLimit(1).build()).build());
    Crd.install(cluster.client);
  }

  private StatusRecorder recorder;

  @BeforeEach
  void start() {
    recorder = new StatusRecorder(cluster.client);
    cluster.startOperator();
  }

  /** Whatever a test plays: to a tool that knows only kstatus it never looks done or failed before it is. */
  @AfterEach
  void stop() {
    cluster.stopOperator();
    List<StatusRecorder.Moment> seen = recorder.stop();
    cluster.clean();
    assertThat(seen).as("what kstatus would have said").isNotEmpty().allSatisfy(moment -> {
      boolean ended = moment.phase().equals("Succeeded") || moment.phase().equals("Failed");
      switch (moment.kstatus()) {
        case CURRENT -> assertThat(moment.phase()).isEqualTo("Succeeded");
        case FAILED -> assertThat(moment.phase().equals("Failed") || moment.blocked()).isTrue();
        case IN_PROGRESS -> assertThat(ended && moment.observed()).isFalse();
        case TERMINATING -> { }
      }
    });
  }

  static Condition condition(FlowTrainingStatus status, String type) {
    return status.condition(type).orElseThrow();
  }

  static String environment(Job job, String name) {
    return job.getSpec().getTemplate().getSpec().getContainers().getFirst().getEnv().stream()
        .filter(e -> e.getName().equals(name)).map(EnvVar::getValue).findFirst().orElseThrow();
  }

  static String progress(int attempt, double fraction, int epoch, int step) {
    return """
        {"stage":"train","attempt":%d,"time":"%s","fraction":%s,"message":"epoch %d/10","epoch":%d,"maxEpoch":10,
        "step":%d,
        "loss":1.25,"checkpoint":{"path":"exp/flow_model/attempt-%d/step_%d.pt","step":%d,"epoch":%d,"time":"%s"}}"""
        .formatted(attempt, Instant.now(), fraction, epoch, epoch, step, attempt, step, step, epoch, Instant.now())
        .replace("\n", "");
  }

  static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
