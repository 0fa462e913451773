package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.Plugin;
import dev.flowtraining.operator.api.v1alpha1.Artifact;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import io.fabric8.kubernetes.api.model.Event;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The main job: real speech in, a flow.pt out, by real pods. */
@ExtendWith(KindCluster.Failures.class)
class MainJobE2E {

  @TempDir
  Path folder;
  private KindCluster cluster;

  @BeforeEach
  void open() throws Exception {
    cluster = KindCluster.open("main");
    cluster.speech("train", 40);
  }

  @AfterEach
  void close() {
    cluster.close();
  }

  @Test
  void anotherLearningRateAfterTheEndTrainsAnew() throws Exception {
    cluster.apply("again", Specs.tiny("train", 2));
    KindCluster.assertSucceeded(cluster.awaitEnd("again", Duration.ofMinutes(6)));
    cluster.change("again", Specs.tiny("train",
        "train_conf: {max_epoch: 2, optim_conf: {lr: 2.0e-4}, scheduler_conf: {warmup_steps: 20}}"));
    KindCluster.await(Duration.ofMinutes(1), "a second run",
        () -> cluster.status("again").phase() == Phase.RUNNING);
    FlowTrainingStatus status = cluster.awaitEnd("again", Duration.ofMinutes(6));
    KindCluster.assertSucceeded(status);
    assertThat(status.training().attempt()).isEqualTo(2);
    Path experiments = cluster.workspace.resolve(cluster.namespace).resolve("again/exp");
    assertThat(Files.readString(experiments.resolve("flow_model/train.log")))
        .contains("train_conf.optim_conf.lr was").contains("training starts from random weights");
    assertThat(experiments.resolve("flow_model/attempt-1")).doesNotExist();
    try (var folders = Files.list(experiments)) {
      assertThat(folders).anyMatch(f -> f.getFileName().toString().startsWith("flow_model.before-"));
    }
  }

  @Test
  void trainsFromSpeechToArtifactsInOrder() throws Exception {
    cluster.apply("main", Specs.tiny("train", 8));
    List<String> seen = new ArrayList<>();
    FlowTrainingStatus status = cluster.await("main", Duration.ofMinutes(10), "Succeeded", now -> {
      String step = now.phase() + " " + now.stage();
      if (now.phase() != null && (seen.isEmpty() || !seen.getLast().equals(step))) {
        seen.add(step);
      }
      return now.phase() == Phase.SUCCEEDED;
    });
    KindCluster.assertSucceeded(status);
    assertThat(seen.stream().filter(s -> s.startsWith("RUNNING") || s.startsWith("RESTARTING"))).containsExactly(
        Stage.inOrder().stream().map(s -> "RUNNING " + s).toArray(String[]::new));
    for (String condition : List.of("DataPrepared", "SpeakerEmbeddingsExtracted", "SpeechTokensExtracted",
        "ParquetWritten", "Trained", "CheckpointsAveraged", "Exported")) {
      assertThat(KindCluster.condition(status, condition).status()).as(condition).isEqualTo("True");
    }
    assertThat(status.training().epoch()).as("the last of 8 epochs, from 0").isEqualTo(7);
    assertThat(status.training().restarts()).isZero();
    assertThat(status.training().loss()).isPositive();
    assertThat(status.artifacts()).extracting(Artifact::name).contains("flow.pt", "flow.safetensors", "report.html");
    Path run = cluster.workspace.resolve(cluster.namespace).resolve("main");
    for (Artifact artifact : status.artifacts()) {
      byte[] content = Files.readAllBytes(run.resolve(artifact.path()));
      assertThat(content.length).isEqualTo(artifact.bytes().intValue());
      assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content)))
          .as(artifact.path()).isEqualTo(artifact.sha256());
    }
    KindCluster.await(Duration.ofSeconds(10), "events, which come after the status", () -> cluster.client.v1().events()
        .inNamespace(cluster.namespace).withField("involvedObject.kind", "FlowTraining").list().getItems().stream()
        .map(Event::getReason).toList().containsAll(List.of("StageStarted", "StageCompleted", "Completed")));
    readThroughThePlugin(status, run);
  }

  /** What of the plugin needs real pods, and files that a trainer wrote. */
  private void readThroughThePlugin(FlowTrainingStatus status, Path run) throws Exception {
    assertThat(plugin("logs", "main", "--stage", "train", "--rank", "0")).contains("\"stage\":\"train\"");
    assertThat(plugin("logs", "main")).as("of the last stage").contains("\"stage\":\"export\"");
    plugin("artifacts", "pull", "main", "got");
    assertThat(status.artifacts()).extracting(Artifact::path).allSatisfy(path ->
        assertThat(folder.resolve("got").resolve(path)).hasSameBinaryContentAs(run.resolve(path)));
    plugin("report", "main", "report.html");
    assertThat(folder.resolve("report.html")).hasSameBinaryContentAs(run.resolve("export/report.html"));
    KindCluster.await(Duration.ofSeconds(30), "the reading pods are gone", () -> cluster.client.pods()
        .inNamespace(cluster.namespace).withLabel("app.kubernetes.io/managed-by", "kubectl-flowtraining").list()
        .getItems().isEmpty());
  }

  private String plugin(String... arguments) throws Exception {
    List<String> words = new ArrayList<>(List.of(arguments));
    words.addAll(List.of("-n", cluster.namespace));
    Plugin.Result result = new Plugin(folder).run(words.toArray(String[]::new));
    assertThat(result.exit()).as(String.join(" ", words) + ": " + result.err()).isZero();
    return result.out();
  }
}
