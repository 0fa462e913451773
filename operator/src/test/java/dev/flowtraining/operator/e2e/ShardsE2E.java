package dev.flowtraining.operator.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Stages 1 to 3 by four pods each, one of which is deleted half-way, against the same stages by one pod. */
class ShardsE2E {
  private static final int SHARDS = 4;
  private static final int VICTIM = 1;
  private static final String SHARDS_JOB = "shared-tokens-shards";
  /** So many parts of the victim's are done when it goes: some, and far from all. */
  private static final int PARTS = 5;
  private static final int REPEATS = 3;
  private static final Pattern DONE =
      Pattern.compile("shard (\\d)/4 done in [0-9.]+ s: (\\d+) utterances, (\\d+) of them were done before");

  @Test
  void aDeletedShardDoesTheRestOfItsWorkAndTheResultIsThatOfOnePod() throws Exception {
    try (var cluster = KindCluster.open("shards")) {
      cluster.speech("train", 600);
      repeat(cluster.data.resolve("train"));
      cluster.apply("shared", spec() + """
          stageOverrides:
          - {stage: speaker-embedding, parallelism: 4}
          - {stage: speech-tokens, parallelism: 4}
          - {stage: parquet, parallelism: 4}
          """);
      Path shared = cluster.workspace.resolve(cluster.namespace).resolve("shared");
      KindCluster.await(Duration.ofMinutes(10), "the shards of speech-tokens are at work",
          () -> partsOfVictim(shared) >= PARTS);
      Pod victim = cluster.pod(SHARDS_JOB, VICTIM);
      cluster.client.resource(victim).withGracePeriod(0).delete();
      KindCluster.await(Duration.ofMinutes(2), "the deleted pod is gone",
          () -> Optional.ofNullable(cluster.client.resource(victim).get())
              .filter(p -> p.getMetadata().getUid().equals(victim.getMetadata().getUid())).isEmpty());
      int saved = partsOfVictim(shared);

      FlowTrainingStatus status = cluster.awaitEnd("shared", Duration.ofMinutes(10));
      KindCluster.assertSucceeded(status);
      assertThat(status.of(Stage.SPEECH_TOKENS).attempt()).as("the stage did not start again").isEqualTo(1);
      assertThat(cluster.client.batch().v1().jobs().inNamespace(cluster.namespace).withName(SHARDS_JOB).get().getStatus()
          .getFailed()).as("pods that were lost").isEqualTo(1);
      for (int shard = 0; shard < SHARDS; shard++) {
        Pod pod = cluster.pod(SHARDS_JOB, shard);
        Matcher said = DONE.matcher(cluster.client.pods().inNamespace(cluster.namespace)
            .withName(pod.getMetadata().getName()).getLog());
        assertThat(said.find()).as("the last words of " + pod.getMetadata().getName()).isTrue();
        int all = Integer.parseInt(said.group(2));
        int before = Integer.parseInt(said.group(3));
        System.out.println(pod.getMetadata().getName() + ": " + said.group());
        if (shard == VICTIM) {
          assertThat(pod.getMetadata().getUid()).isNotEqualTo(victim.getMetadata().getUid());
          assertThat(before).as("what the deleted pod had done").isGreaterThanOrEqualTo((saved - 1) * 8).isLessThan(all);
        } else {
          assertThat(before).as("shard " + shard + " was not touched").isZero();
        }
      }

      cluster.apply("whole", spec());
      KindCluster.assertSucceeded(cluster.awaitEnd("whole", Duration.ofMinutes(10)));
      Path whole = cluster.workspace.resolve(cluster.namespace).resolve("whole");
      Map<String, String> expected = results(whole);
      assertThat(expected.keySet()).contains("data/train/utt2embedding", "data/dev/spk2embedding",
          "data/train/utt2speech_token", "parquet/train/data.list", "parquet/train/utt2num_frames",
          "parquet/train/parquet_000000003.tar");
      assertThat(results(shared)).isEqualTo(expected);
      for (Stage stage : List.of(Stage.SPEAKER_EMBEDDING, Stage.SPEECH_TOKENS, Stage.PARQUET)) {
        assertThat(outputHash(shared, stage)).as(stage.id()).isEqualTo(outputHash(whole, stage));
      }
    }
  }

  private static String spec() {
    return Specs.tiny("train", "dataset_conf: {parquet_bytes: 4194304}") + "stages: {to: parquet}\n";
  }

  /** The same recordings several times under new names: enough work to be half-way for a while. */
  private static void repeat(Path folder) throws IOException {
    for (String file : List.of("wav.scp", "text", "utt2spk")) {
      List<String> lines = new ArrayList<>();
      for (int i = 0; i < REPEATS; i++) {
        for (String line : Files.readAllLines(folder.resolve(file))) {
          lines.add("r" + i + "_" + line);
        }
      }
      Files.write(folder.resolve(file), lines);
    }
  }

  private static int partsOfVictim(Path run) {
    try (Stream<Path> walk = Files.walk(run.resolve("data/train"))) {
      return (int) walk.filter(p -> p.getParent().getFileName().toString().startsWith("utt2speech_token.parts-"))
          .map(p -> p.getFileName().toString()).filter(n -> n.matches("\\d{5}"))
          .filter(n -> Integer.parseInt(n) % SHARDS == VICTIM).count();
    } catch (IOException | java.io.UncheckedIOException e) {
      return 0;   // not there yet, or files come and go at this moment
    }
  }

  /** Name and SHA-256 of all that the stages 1 to 3 leave. */
  private static Map<String, String> results(Path run) throws IOException, NoSuchAlgorithmException {
    Map<String, String> hashes = new TreeMap<>();
    for (String folder : List.of("data", "parquet", "tokenizer")) {
      try (Stream<Path> walk = Files.walk(run.resolve(folder))) {
        for (Path p : walk.filter(Files::isRegularFile).toList()) {
          hashes.put(run.relativize(p).toString(), HexFormat.of()
              .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(p))));
        }
      }
    }
    return hashes;
  }

  private static String outputHash(Path run, Stage stage) throws IOException {
    return new ObjectMapper().readTree(run.resolve(stage.id() + ".json").toFile()).get("outputHash").asText();
  }
}
