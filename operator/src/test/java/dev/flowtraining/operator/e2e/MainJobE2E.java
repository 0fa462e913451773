package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.junit.jupiter.api.Test;

/** The main job: real speech in, a flow.pt out, by real pods. */
class MainJobE2E {

  @Test
  void trainsFromSpeechToArtifactsInOrder() throws Exception {
    try (var cluster = KindCluster.open("main")) {
      cluster.speech("train", 40);
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
      assertThat(seen.stream().filter(s -> s.startsWith("RUNNING")).distinct()).containsExactly(
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
      assertThat(cluster.client.v1().events().inNamespace(cluster.namespace)
          .withField("involvedObject.kind", "FlowTraining").list().getItems()).extracting(Event::getReason)
          .contains("StageStarted", "StageCompleted", "Completed");
    }
  }
}
