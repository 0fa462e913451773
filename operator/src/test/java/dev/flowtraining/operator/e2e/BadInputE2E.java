package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Phase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.ExtendWith;

/** What users get wrong: each ends with its exit code, a reason and one line that says what to do. */
@ExtendWith(KindCluster.Failures.class)
class BadInputE2E {
  private static KindCluster cluster;
  private static int count;

  private String name;
  private Path folder;
  private List<String> utterances;

  @BeforeAll
  static void open() throws IOException {
    cluster = KindCluster.open("bad");
  }

  @AfterAll
  static void close() {
    cluster.close();
  }

  @BeforeEach
  void speech(TestInfo info) throws IOException {
    name = "bad-" + ++count;
    utterances = cluster.speech(name, 10);
    folder = cluster.data.resolve(name);
  }

  @Test
  void duplicateUtterance() throws IOException {
    append("wav.scp", utterances.getFirst() + " wav/" + utterances.getFirst() + ".wav");
    assertFails("DataPrepared", 64, "DuplicateUtterance", utterances.getFirst());
  }

  @Test
  void malformedLine() throws IOException {
    append("wav.scp", "just-an-id");
    assertFails("DataPrepared", 64, "MalformedLine", "wav.scp:11");
  }

  @Test
  void tooManyRejects() throws IOException {
    for (String utterance : utterances.subList(0, 3)) {
      Files.delete(folder.resolve("wav/" + utterance + ".wav"));
    }
    assertFails("DataPrepared", 64, "TooManyRejects", "3");
  }

  @Test
  void fewBadItemsAreRejectedWithTheirReason() throws IOException {
    Files.delete(wav(0));
    Files.write(wav(1), java.util.Arrays.copyOf(Files.readAllBytes(wav(1)), 1000));
    Files.write(wav(2), java.util.Arrays.copyOf(Files.readAllBytes(wav(2)), 0));
    FlowTrainingStatus status = run("prepare_conf: {max_reject_fraction: 0.5}");
    assertThat(status.phase()).as(KindCluster.describe(status)).isEqualTo(Phase.SUCCEEDED);
    List<String> rejects = Files.readAllLines(runDirectory().resolve("data/train/rejects"));
    assertThat(rejects).hasSize(3);
    List<String> reasons = List.of("missing-", "truncated-", "not-a");
    for (int i = 0; i < reasons.size(); i++) {
      String utterance = utterances.get(i);
      assertThat(rejects).filteredOn(line -> line.startsWith(utterance + " ")).singleElement().asString()
          .startsWith(utterance + " " + reasons.get(i));
    }
  }

  @Test
  void unknownConfigKey() {
    assertFails("train_conf: {max_epochs: 3}", "DataPrepared", 2, "UnknownConfigKey", "max_epoch");
  }

  @Test
  void wrongTypeInConfig() {
    assertFails("train_conf: {max_epoch: many}", "DataPrepared", 2, "InvalidConfig", "max_epoch");
  }

  @Test
  void trainWithoutData() {
    cluster.apply(name, Specs.tiny(name, 2) + "stages: {from: train}\n");
    FlowTrainingStatus status = cluster.awaitEnd(name, Duration.ofMinutes(2));
    assertThat(status.phase()).isEqualTo(Phase.FAILED);
    assertThat(KindCluster.condition(status, "Trained").reason()).isEqualTo("NoData");
    assertThat(status.training().lastFailure().exitCode()).isIn(64, 66);
  }

  @Test
  void missingClaimIsSaidAndRecovers() {
    cluster.apply(name, Specs.tiny(name, 2).replace("claimName: speech", "claimName: later-" + name)
        + "stages: {to: prepare-data}\n");
    FlowTrainingStatus status = cluster.await(name, Duration.ofMinutes(1), "Stalled",
        s -> s.condition("Stalled").filter(c -> c.status().equals("True")).isPresent());
    assertThat(KindCluster.condition(status, "Stalled").reason()).isEqualTo("VolumeClaimNotFound");
    assertThat(KindCluster.condition(status, "Stalled").message()).contains("later-" + name);
    cluster.claim("later-" + name, "data");
    assertThat(cluster.awaitEnd(name, Duration.ofMinutes(2)).phase()).isEqualTo(Phase.SUCCEEDED);
    cluster.client.persistentVolumes().withName(cluster.namespace + "-later-" + name).delete();
  }

  private void assertFails(String condition, int exitCode, String reason, String inMessage) {
    assertFails("train_conf: {max_epoch: 2}", condition, exitCode, reason, inMessage);
  }

  private void assertFails(String config, String condition, int exitCode, String reason, String inMessage) {
    FlowTrainingStatus status = run(config);
    assertThat(status.phase()).as(KindCluster.describe(status)).isEqualTo(Phase.FAILED);
    assertThat(KindCluster.condition(status, condition).reason()).isEqualTo(reason);
    assertThat(KindCluster.condition(status, condition).message()).contains(inMessage);
    assertThat(KindCluster.condition(status, "Stalled").status()).isEqualTo("True");
    assertThat(KindCluster.condition(status, "Reconciling").status()).isEqualTo("False");
    assertThat(status.training().lastFailure().exitCode()).isEqualTo(exitCode);
    assertThat(status.training().restarts()).isZero();
  }

  private FlowTrainingStatus run(String config) {
    cluster.apply(name, Specs.tiny(name, config) + "stages: {to: prepare-data}\n");
    return cluster.awaitEnd(name, Duration.ofMinutes(2));
  }

  private Path wav(int utterance) {
    return folder.resolve("wav/" + utterances.get(utterance) + ".wav");
  }

  private void append(String file, String line) throws IOException {
    Files.writeString(folder.resolve(file), line + "\n", StandardOpenOption.APPEND);
  }

  private Path runDirectory() {
    return cluster.workspace.resolve(cluster.namespace).resolve(name);
  }
}
