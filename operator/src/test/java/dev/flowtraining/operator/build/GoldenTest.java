package dev.flowtraining.operator.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Samples;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.StageStep;
import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.decide.TensorBoardPlan;
import dev.flowtraining.operator.decide.TensorBoardPlan.Place;
import dev.flowtraining.operator.observe.TensorBoardView;
import dev.flowtraining.operator.observe.TensorBoardView.Reach;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.Toleration;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is built, as a reviewer reads it. Written anew with -Dgolden.write=true. */
class GoldenTest {

  private static final Path FOLDER = Path.of("src/test/resources/golden");

  @Test
  void theFirstStageJob() throws IOException {
    agrees("prepare-data.yaml", start(Samples.cpu(), new Decision.Start(Stage.PREPARE_DATA, 1, true,
        Optional.empty())));
  }

  @Test
  void sharedDataStagesNameTheCacheAndLaterStagesDoNot() {
    FlowTraining ft = Samples.training("""
        training: {device: cpu}
        """);
    FlowTraining shared = new KubernetesSerialization().unmarshal(new KubernetesSerialization().asYaml(ft)
        .replace("cache: \"None\"", "cache: Shared"), FlowTraining.class);
    for (Stage stage : Stage.inOrder()) {
      Decision.Start start = new Decision.Start(stage, 1, false, Optional.empty());
      assertThat(StageArguments.of(ft, start, false)).doesNotContain("--cache");
      assertThat(StageArguments.of(shared, start, false).contains("--cache")).as(stage.id())
          .isEqualTo(stage.number() <= 3);
    }
    assertThat(StageArguments.of(shared, new Decision.Start(Stage.PARQUET, 1, false, Optional.empty()), false))
        .containsSequence("--cache", "/workspace/speech/.cache");
  }

  @Test
  void theJobThatTidiesUp() throws IOException {
    FlowTraining ft = new KubernetesSerialization().unmarshal(new KubernetesSerialization().asYaml(Samples.cpu())
        .replace("retain: \"All\"", "retain: None"), FlowTraining.class);
    agrees("clean-up.yaml", List.of(CleanUpJob.of(ft, "flow-trainer:test")));
  }

  @Test
  void theTensorBoard() throws IOException {
    TensorBoardView nothing = view(Optional.empty(), Optional.empty());
    FlowTraining ft = Samples.training("""
        training: {device: cpu}
        template:
          imagePullSecrets: [{name: pull}]
          nodeSelector: {pool: gpu}
          tolerations: [{key: gpu, operator: Exists}]
          labels: {kueue.x-k8s.io/queue-name: not-for-it}
        tensorBoard: {}
        """);
    List<HasMetadata> made = board(ft, Place.ANY_NODE, nothing);
    agrees("tensorboard.yaml", made);
    String deployment = made.getFirst().getMetadata().getAnnotations().get(Names.MADE_OF);
    String service = made.getLast().getMetadata().getAnnotations().get(Names.MADE_OF);
    TensorBoardView there = view(Optional.of(deployment), Optional.of(service));
    assertThat(board(ft, Place.ANY_NODE, there)).as("what is as it should be is left alone").isEmpty();
    FlowTraining changed = Samples.training("training: {device: cpu}\ntensorBoard: {image: 'other:1'}\n");
    assertThat(board(changed, Place.ANY_NODE, there)).extracting(HasMetadata::getKind).containsExactly("Deployment");
  }

  /** The training pod may be where its override wants it, which the template's selector does not allow. */
  @Test
  void aTensorBoardBesideTrainingGoesWhereTrainingIs() {
    PodSpec pod = ((Deployment) board(Samples.training("""
        template: {nodeSelector: {pool: cpu}}
        stageOverrides: [{stage: train, nodeSelector: {pool: gpu}, tolerations: [{key: gpu, operator: Exists}]}]
        tensorBoard: {nodeSelector: {pool: cpu}}
        """), Place.NODE_OF_TRAINING, view(Optional.empty(), Optional.empty())).getFirst())
        .getSpec().getTemplate().getSpec();
    assertThat(pod.getNodeSelector()).isEmpty();
    assertThat(pod.getTolerations()).extracting(Toleration::getKey).containsExactly("gpu");
    assertThat(pod.getAffinity().getPodAffinity().getRequiredDuringSchedulingIgnoredDuringExecution())
        .singleElement().satisfies(term -> assertThat(term.getLabelSelector().getMatchLabels())
            .containsEntry(Names.STAGE, "train").containsKey(Names.RUN_ID));
  }

  private static List<HasMetadata> board(FlowTraining ft, Place place, TensorBoardView there) {
    return TensorBoard.children(ft, new TensorBoardPlan(place, Optional.empty(), ""), there, "tensorboard:default")
        .applied();
  }

  private static TensorBoardView view(Optional<String> deployment, Optional<String> service) {
    return new TensorBoardView(deployment, service, false, Reach.ALL_NODES, List.of());
  }

  @Test
  void aTrainingSetOfTwoRanks() throws IOException {
    agrees("train-2-ranks.yaml", start(Samples.cpu(),
        new Decision.Start(Stage.TRAIN, 2, false, Optional.of("exp/flow_model/attempt-1/epoch_3_whole.pt"))));
  }

  @Test
  void aRunWithEverything() throws IOException {
    FlowTraining ft = Samples.training("""
        config: {preset: fine-tune, inline: 'train_conf: {max_epoch: 3}'}
        models:
          {volume: {persistentVolumeClaim: {claimName: models}}, speakerEncoder: campplus.onnx, init: flow.pt, vocoder: hift.pt}
        training: {gpus: 2, engine: deepspeed, deepspeedConfig: '{}', resources: {requests: {cpu: '8', memory: 32Gi}}}
        template:
          image: registry.example/flow-trainer:1
          imagePullSecrets: [{name: pull}]
          env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx4g}, {name: LITERAL, value: $(HOME)}]
          nodeSelector: {gpu: h100}
          tolerations: [{key: gpu, operator: Exists}]
          priorityClassName: high
          labels: {team: speech}
        stageOverrides:
          - stage: train
            nodeSelector: {gpu: h200}
            env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx8g}]
            schedulerName: volcano
            labels: {group: all}
            annotations: {scheduling.volcano.sh/group-min-member: "2"}
        """);
    Children begin = Children.of(ft, new Decision.Begin(Stage.TRAIN, Map.of(),
        Optional.of("train_conf: {max_epoch: 3}")), Samples.nothing(), "registry.example/flow-trainer:1");
    agrees("begin.yaml", Stream.concat(begin.applied().stream(), begin.created().stream()).toList());
    agrees("train-cuda-deepspeed.yaml", start(ft, new Decision.Start(Stage.TRAIN, 1, true, Optional.empty())));
  }

  @Test
  void eightGpusAsTwoPodsOfFourThatShareAClaim() throws IOException {
    agrees("train-8-gpus-claimed.yaml", start(Samples.training("""
        training:
          gpus: 8
          gpusPerPod: 4
          gpuSharing: DeviceClaim
          placement: {topologyKey: topology.kubernetes.io/zone}
        """), new Decision.Start(Stage.TRAIN, 1, false, Optional.empty())));
  }

  @Test
  void eightGpusAsEightPods() throws IOException {
    agrees("train-8-gpus-plugin.yaml", start(Samples.training("""
        training: {gpus: 8}
        template: {env: [{name: NCCL_NVLS_ENABLE, value: '1'}]}
        """), new Decision.Start(Stage.TRAIN, 1, false, Optional.empty())));
  }

  @Test
  void theCheckAsksForAGpuOnlyWhereItsPodHasOne() {
    FlowTraining cuda = Samples.training("training: {gpus: 2, device: cuda}");
    Container beforeData = check(cuda, Stage.PREPARE_DATA);
    assertThat(beforeData.getArgs()).containsSubsequence("--device", "cpu");
    assertThat(beforeData.getResources().getLimits()).isEmpty();
    Container beforeTraining = check(cuda, Stage.TRAIN);
    assertThat(beforeTraining.getArgs()).containsSubsequence("--device", "cuda");
    assertThat(beforeTraining.getResources().getLimits()).containsEntry("nvidia.com/gpu", new Quantity("1"));
  }

  private static Container check(FlowTraining ft, Stage first) {
    Job job = (Job) start(ft, new Decision.Start(first, 1, true, Optional.empty())).getLast();
    return job.getSpec().getTemplate().getSpec().getInitContainers().getFirst();
  }

  @Test
  void aDollarOfAUserIsADollar() {
    FlowTraining ft = Samples.training("""
        models: {volume: {persistentVolumeClaim: {claimName: models}}, init: a$(HOME).pt}
        template: {env: [{name: A, value: $$(HOME) and $5}]}
        """);
    Container rank = rank(ft);
    assertThat(rank.getArgs()).contains("/models/a$$(HOME).pt");
    assertThat(rank.getEnv()).contains(new EnvVar("A", "$$$$(HOME) and $$5", null));
  }

  @Test
  void timesAreSaidOnlyWhereTheyAreNotTheTrainersOwn() {
    assertThat(rank(Samples.cpu()).getEnv()).extracting(EnvVar::getName)
        .doesNotContain("FLOWTRAINING_RENDEZVOUS_TIMEOUT", "FLOWTRAINING_PROGRESS_INTERVAL");
    FlowTraining hasty = Samples.training("training: {device: cpu, rendezvousTimeout: 5m, stallTimeout: 40s}");
    assertThat(rank(hasty).getEnv()).contains(new EnvVar("FLOWTRAINING_RENDEZVOUS_TIMEOUT", "300", null),
        new EnvVar("FLOWTRAINING_PROGRESS_INTERVAL", "10", null));
  }

  private static Container rank(FlowTraining ft) {
    Job job = (Job) start(ft, new Decision.Start(Stage.TRAIN, 1, false, Optional.empty())).getLast();
    return job.getSpec().getTemplate().getSpec().getContainers().getFirst();
  }

  @Test
  void severalRanksInAPodShareItButNotTheToken() {
    Job job = (Job) start(Samples.training("training: {gpus: 4, gpusPerPod: 4, device: cpu}"),
        new Decision.Start(Stage.TRAIN, 1, false, Optional.empty())).getLast();
    List<Container> ranks = job.getSpec().getTemplate().getSpec().getContainers();
    assertThat(ranks).hasSize(4);
    assertThat(ranks).filteredOn(c -> c.getVolumeMounts().stream().map(VolumeMount::getName).anyMatch("token"::equals))
        .extracting(Container::getName).containsExactly("rank-0");
    assertThat(job.getSpec().getCompletions()).isEqualTo(1);
  }

  @Test
  void theLongestNamesFit() {
    FlowTraining ft = Samples.cpu();
    ft.getMetadata().setName("a".repeat(40));
    for (Stage stage : Stage.inOrder()) {
      // the host name of a training pod is the Job's name with its index
      assertThat((Names.job(ft, stage, StageStep.WHOLE, 9999) + (stage.isTraining() ? "-1023" : "")).length())
          .isLessThanOrEqualTo(63);
    }
    for (Stage stage : List.of(Stage.SPEAKER_EMBEDDING, Stage.SPEECH_TOKENS, Stage.PARQUET)) {
      assertThat((Names.job(ft, stage, StageStep.SHARDS, 9999) + "-63").length()).isLessThanOrEqualTo(63);
      assertThat(Names.job(ft, stage, StageStep.MERGE, 9999).length()).isLessThanOrEqualTo(63);
    }
    assertThat(Names.workspace(ft).length()).isLessThanOrEqualTo(63);
    assertThat(Names.tensorBoard(ft).length()).isLessThanOrEqualTo(63);
  }

  /** Stage 2 by three pods that have a GPU each. */
  @Test
  void aStageThatSeveralPodsShare() throws IOException {
    FlowTraining ft = Samples.training("""
        training: {gpus: 2, device: cpu}
        restartPolicy: {maxRestarts: 4}
        stageOverrides: [{stage: speech-tokens, parallelism: 3, gpus: 1}]
        """);
    agrees("speech-tokens-in-shards.yaml", Stream.of(StageStep.FIT, StageStep.SHARDS, StageStep.MERGE)
        .flatMap(step -> start(ft, new Decision.Start(Stage.SPEECH_TOKENS, step, 1, false, Optional.empty())).stream())
        .toList());
  }

  @Test
  void onlyJobsThatAskForGpusQueue() {
    String spec = "queueName: team-a\nstageOverrides: [{stage: speech-tokens, gpus: 1}]\ntraining: {gpus: 2, device: ";
    for (Stage stage : Stage.inOrder()) {
      Job job = (Job) start(Samples.training(spec + "cuda}"), new Decision.Start(stage, 1, false, Optional.empty()))
          .getLast();
      boolean queues = stage == Stage.TRAIN || stage == Stage.SPEECH_TOKENS;
      assertThat(job.getMetadata().getLabels().get("kueue.x-k8s.io/queue-name")).as(stage.id())
          .isEqualTo(queues ? "team-a" : null);
      assertThat(job.getSpec().getSuspend()).as(stage.id()).isEqualTo(queues ? Boolean.TRUE : null);
    }
    Job cpu = (Job) start(Samples.training(spec + "cpu}"), new Decision.Start(Stage.TRAIN, 1, false, Optional.empty()))
        .getLast();
    assertThat(cpu.getSpec().getSuspend()).isNull();
  }

  @Test
  void whatEveryStageFindsOfItsRun() throws IOException {
    FlowTraining ft = Samples.training("training: {gpus: 2}\n");
    Children children = Children.of(ft, new Decision.Start(Stage.PARQUET, 1, false, Optional.empty()),
        Samples.nothing(), "flow-trainer:dev");
    agrees("run.yaml", Stream.concat(children.applied().stream(), children.granted().stream()).toList());
  }

  private static List<HasMetadata> start(FlowTraining ft, Decision.Start start) {
    ft.setStatus(ft.getStatus().withPhase(Phase.RUNNING));
    Children children = Children.of(ft, start, Samples.nothing(), "flow-trainer:dev");
    // the rest is the same for every start: run.yaml shows it
    return Stream.concat(children.applied().stream().filter(o -> o instanceof Service), children.created().stream())
        .toList();
  }

  private static void agrees(String file, List<HasMetadata> objects) throws IOException {
    KubernetesSerialization yaml = new KubernetesSerialization();
    String text = objects.stream().map(yaml::asYaml).collect(Collectors.joining());
    if (Boolean.getBoolean("golden.write")) {
      Files.createDirectories(FOLDER);
      Files.writeString(FOLDER.resolve(file), text);
    }
    assertThat(FOLDER.resolve(file)).content().isEqualTo(text);
  }
}
