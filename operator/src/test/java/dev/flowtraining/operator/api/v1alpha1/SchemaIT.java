package dev.flowtraining.operator.api.v1alpha1;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.flowtraining.operator.Crd;
import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubeapitest.junit.KubeConfig;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a real API server makes of the schema: defaults, and the message of every rule as a user sees it. */
@EnableKubeAPIServer
class SchemaIT {

  @KubeConfig
  static String kubeConfig;
  static KubernetesClient client;

  private static final String MINIMAL = """
      apiVersion: flowtraining.dev/v1alpha1
      kind: FlowTraining
      metadata: {name: NAME, namespace: default}
      spec:
        data:
          train: {path: train}
          volume: {persistentVolumeClaim: {claimName: speech}}
      """;

  @BeforeAll
  static void install() {
    client = new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(kubeConfig)).build();
    Crd.install(client);
  }

  @AfterEach
  void clean() {
    client.resources(FlowTraining.class).inNamespace("default").delete();
  }

  @Test
  void defaultsAreThoseOfTheCode() {
    FlowTraining stored = create(MINIMAL.replace("NAME", "minimal"));
    DataSpec data = stored.getSpec().data();
    assertThat(stored.getSpec()).isEqualTo(
        new FlowTrainingSpec(null, data, null, null, null, null, null, null, null, null, null, null, null, null));
    assertThat(client.genericKubernetesResources("flowtraining.dev/v1alpha1", "FlowTraining").inNamespace("default")
        .withName("minimal").get().<Object>get("spec", "workspace", "volume", "volumeClaimTemplate", "storage"))
        .isEqualTo("200Gi");
  }

  @Test
  void someStagesMayBeShared() {
    FlowTraining stored = create(MINIMAL.replace("NAME", "shared") + "  stageOverrides: [{stage: speech-tokens, "
        + "parallelism: 4, gpus: 1}, {stage: train, nodeSelector: {a: b}}]\n");
    assertThat(stored.getSpec().parallelism(Stage.SPEECH_TOKENS)).isEqualTo(4);
    assertThat(stored.getSpec().parallelism(Stage.TRAIN)).isEqualTo(1);
    assertThat(stored.getSpec().parallelism(Stage.PARQUET)).isEqualTo(1);
  }

  @Test
  void stagesMayBeNumbers() {
    FlowTraining stored = create(MINIMAL.replace("NAME", "numbers") + "  stages: {from: 4, to: 6}\n");
    assertThat(stored.getSpec().stages().contains(Stage.PARQUET)).isFalse();
    assertThat(stored.getSpec().stages().contains(Stage.TRAIN)).isTrue();
  }

  @Test
  void dataIsNotNeededFromStage4On() {
    assertThat(create("""
        apiVersion: flowtraining.dev/v1alpha1
        kind: FlowTraining
        metadata: {name: later, namespace: default}
        spec: {stages: {from: train}}
        """).getSpec().data()).isNull();
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource(delimiter = '|', textBlock = """
      abcdefghij-abcdefghij-abcdefghij-abcdefghi | training: {gpus: 1}  | metadata.name may have at most 40 characters
      a.b      | training: {gpus: 1}                       | metadata.name becomes the host name of training pods
      gpus     | training: {gpus: 3, gpusPerPod: 2, device: cpu} | training.gpus must be a multiple of training.gpusPerPod
      plugin   | training: {gpus: 4, gpusPerPod: 2}        | set training.gpusPerPod: 1, or gpuSharing: DeviceClaim
      zero     | training: {gpus: 0}                       | should be greater than or equal to 1
      deep     | training: {engine: deepspeed}             | deepspeedConfig and training.engine: deepspeed belong together
      deep2    | training: {deepspeedConfig: '{}'}         | deepspeedConfig and training.engine: deepspeed belong together
      engine   | training: {engine: horovod}               | supported values: "deepspeed", "torch_ddp"
      stall    | training: {stallTimeout: 1 day}           | should match
      hasty    | training: {stallTimeout: 9s}              | training.stallTimeout must be at least 10s
      nothing  | training: {stallTimeout: 0h00m}           | training.stallTimeout must be at least 10s
      order    | stages: {from: train, to: parquet}        | stages.from comes after stages.to
      number   | stages: {from: 5, to: 4}                  | stages.from comes after stages.to
      mixed    | stages: {from: export, to: 2}             | stages.from comes after stages.to
      unknown  | stages: {from: tokens}                    | each one of prepare-data, speaker-embedding
      seven    | stages: {to: 7}                           | each one of prepare-data, speaker-embedding
      config   | config: {inline: 'a: 1', configMapRef: {name: c}} | config.inline and config.configMapRef exclude each other
      preset   | config: {preset: huge}                    | supported values: "fine-tune", "production", "tiny"
      models   | models: {speakerEncoder: campplus.onnx}   | say in models.volume which volume holds it
      dotdot   | models: {init: ../x, volume: {persistentVolumeClaim: {claimName: m}}} | relative to the root of the models volume
      both     | workspace: {volume: {persistentVolumeClaim: {claimName: a}, volumeClaimTemplate: {}}} | exactly one of persistentVolumeClaim
      none     | workspace: {volume: {}}                   | exactly one of persistentVolumeClaim
      env      | template: {env: [{name: WORLD_SIZE, value: '2'}]} | this variable is set by the operator
      env2     | template: {env: [{name: FLOWTRAINING_ATTEMPT, value: '2'}]} | this variable is set by the operator
      labels   | template: {labels: {flowtraining.dev/name: x}} | labels that begin with flowtraining.dev/ are set by the operator
      twice    | stageOverrides: [{stage: train}, {stage: train}] | Duplicate value
      shards   | stageOverrides: [{stage: parquet, parallelism: 0}]  | should be greater than or equal to 1
      shards2  | stageOverrides: [{stage: parquet, parallelism: 65}] | should be less than or equal to 64
      shards3  | stageOverrides: [{stage: train, parallelism: 2}]    | parallelism belongs to speaker-embedding, speech-tokens and parquet
      shards4  | stageOverrides: [{stage: parquet, gpus: 1}]         | gpus belongs to speaker-embedding and speech-tokens
      again    | stages: {rerunFrom: tokens}               | stages.rerunFrom is one of prepare-data
      again2   | stages: {from: train, rerunFrom: parquet} | stages.rerunFrom is not among the stages that run
      again3   | stages: {to: 3, rerunFrom: 4}             | stages.rerunFrom is not among the stages that run
      again4   | stages: {rerunId: '2'}                    | stages.rerunId belongs to stages.rerunFrom
      ttl      | ttlAfterFinished: {deleteSelf: true}      | ttlAfterFinished.deleteSelf needs a time
      ttl2     | ttlAfterFinished: {success: 1 day}        | should match
      queue    | queueName: Team A                         | spec.queueName
      deadline | training: {activeDeadline: 3 days}        | should match
      lost     | restartPolicy: {nodeLostTimeout: soon}    | should match
      backoff  | restartPolicy: {backoff: {factor: 0.5}}   | should be greater than or equal to 1
      """)
  void theApiServerRefuses(String name, String part, String message) {
    assertThat(refusal(MINIMAL.replace("NAME", name) + "  " + part + "\n")).contains(message);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(delimiter = '|', textBlock = """
      {train: {path: /abs}, volume: {persistentVolumeClaim: {claimName: s}}}        | no leading '/' or '-', no '..'
      {train: {path: a/../../b}, volume: {persistentVolumeClaim: {claimName: s}}}   | no leading '/' or '-', no '..'
      {train: {path: t}, dev: {path: d}, devFraction: 0.1, volume: {persistentVolumeClaim: {claimName: s}}} | exclude each other
      {train: {path: t}, devFraction: 0.9, volume: {persistentVolumeClaim: {claimName: s}}} | should be less than or equal to 0.5
      {train: {path: t}, pathPrefix: {from: 'a=b', to: /data}, volume: {persistentVolumeClaim: {claimName: s}}} | holds no '='
      {train: {path: t}}                                                            | spec.data.volume: Required value
      """)
  void theApiServerRefusesData(String data, String message) {
    assertThat(refusal("""
        apiVersion: flowtraining.dev/v1alpha1
        kind: FlowTraining
        metadata: {name: data, namespace: default}
        spec: {data: DATA}
        """.replace("DATA", data))).contains(message);
  }

  @Test
  void earlyStagesNeedData() {
    assertThat(refusal("""
        apiVersion: flowtraining.dev/v1alpha1
        kind: FlowTraining
        metadata: {name: nodata, namespace: default}
        spec: {}
        """)).contains("spec.data is needed by the stages 0-3");
  }

  @Test
  void workspaceAndDataVolumeNeverChange() {
    create(MINIMAL.replace("NAME", "fixed"));
    assertThat(changed(MINIMAL.replace("NAME", "fixed").replace("claimName: speech", "claimName: other")))
        .contains("spec.data.volume is immutable");
    assertThat(changed(MINIMAL.replace("NAME", "fixed")
        + "  workspace: {volume: {persistentVolumeClaim: {claimName: w}}}\n")).contains("spec.workspace.volume is immutable");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(delimiter = '|', textBlock = """
      training: {gpus: 2}            | engine, deepspeedConfig, device, gpus and gpusPerPod of spec.training cannot change
      config: {preset: tiny}         | set spec.suspend: true, wait for the condition Suspended
      averaging: {num: 3}            | spec.models, spec.averaging and spec.stages cannot change
      stages: {to: train}            | spec.models, spec.averaging and spec.stages cannot change
      template: {image: other}       | spec.template.image cannot change while the run is in progress
      """)
  void aRunInProgressKeepsItsInput(String part, String message) {
    FlowTraining running = create(MINIMAL.replace("NAME", "running"));
    String wanted = MINIMAL.replace("NAME", "running") + "  " + part + "\n";
    for (Phase phase : List.of(Phase.RUNNING, Phase.RESTARTING, Phase.SUSPENDING)) {
      stands(running, phase);
      assertThat(changed(wanted)).contains(message);
    }
    for (Phase phase : List.of(Phase.SUSPENDED, Phase.PENDING, Phase.FAILED, Phase.SUCCEEDED)) {
      stands(running, phase);
      client.resource(wanted).forceConflicts().serverSideApply();
      client.resource(running).delete();
      create(MINIMAL.replace("NAME", "running"));
    }
  }

  private static void stands(FlowTraining ft, Phase phase) {
    FlowTraining stored = client.resource(ft).get();
    stored.setStatus(FlowTrainingStatus.empty().withPhase(phase));
    client.resource(stored).updateStatus();
  }

  @Test
  void whatIsLiveMayChangeAtAnyTime() {
    FlowTraining running = create(MINIMAL.replace("NAME", "live"));
    running.setStatus(FlowTrainingStatus.empty().withPhase(Phase.RUNNING));
    client.resource(running).updateStatus();
    client.resource(MINIMAL.replace("NAME", "live")
        + "  restartPolicy: {maxRestarts: 3}\n  template: {labels: {a: b}}\n  suspend: true\n").forceConflicts().serverSideApply();
    assertThat(client.resource(running).get().getSpec().restartPolicy().maxRestarts()).isEqualTo(3);
  }

  private static FlowTraining create(String yaml) {
    client.resource(yaml).create();
    return client.resources(FlowTraining.class).load(new ByteArrayInputStream(
        yaml.getBytes(StandardCharsets.UTF_8))).get();
  }

  private static String refusal(String yaml) {
    KubernetesClientException e =
        catchThrowableOfType(KubernetesClientException.class, () -> client.resource(yaml).create());
    assertThat(e).as("accepted: " + yaml).isNotNull();
    return e.getMessage();
  }

  private static String changed(String yaml) {
    KubernetesClientException e = catchThrowableOfType(KubernetesClientException.class,
        () -> client.resource(yaml).forceConflicts().serverSideApply());
    assertThat(e).as("accepted: " + yaml).isNotNull();
    return e.getMessage();
  }
}
