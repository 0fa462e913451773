package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProbesTest {
  private static final String TRAINING = """
      dataset_conf: {max_frames_in_batch: 150}
      train_conf: {max_epoch: %d, log_interval: 1, dropout: 0.1, scheduler_conf: {warmup_steps: 5}}
      probe_conf: {interval: %d, utterances: 2, seconds: 0.5}
      """;
  @TempDir Path folder;

  private SmallRun run(String name, int epochs, int interval) throws IOException {
    Path dir = Files.createDirectories(folder.resolve(name));
    SmallRun run = SmallRun.create(dir, 6, 4, TRAINING.formatted(epochs, interval));
    new TrainTask().run(run.alone());
    return run;
  }

  @Test
  void the_released_vocoder_makes_the_audio_when_it_is_given() throws Exception {
    SmallRun run = SmallRun.create(Files.createDirectories(folder.resolve("hift")), 6, 4, TRAINING.formatted(2, 3));
    run.vocoder = "src/test/resources/hift/hift.pt";
    new TrainTask().run(run.alone());
    Path probe = new RunLayout(run.dir).probe(3);
    try (Stream<Path> files = Files.list(probe)) {
      Path wav = files.filter(f -> f.toString().endsWith(".wav")).sorted().findFirst().orElseThrow();
      SmallRun other = run("griffin-lim", 2, 3);
      assertThat(Files.readAllBytes(wav)).as("the same mel by another vocoder")
          .isNotEqualTo(Files.readAllBytes(new RunLayout(other.dir).probe(3).resolve(wav.getFileName())));
      assertThat(other.losses()).isEqualTo(run.losses());
    }
    run.vocoder = run.dir.resolve("none.pt").toString();
    assertThatThrownBy(() -> new TrainTask().run(run.alone())).isInstanceOfSatisfying(StageFailure.class,
        e -> assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING));
  }

  private static List<String> probes(SmallRun run) throws IOException {
    return run.metrics("probe").stream()
        .map(p -> p.get("step").asText() + " " + p.get("mel_l1").asText() + " " + p.get("mean_mel_l1").asText()).toList();
  }

  @Test
  void a_probe_changes_nothing_of_the_training() throws Exception {
    SmallRun without = run("without", 2, -1);
    SmallRun with = run("with", 2, 3);
    assertThat(with.losses()).isEqualTo(without.losses());
    String weights = "exp/flow_model/attempt-1/epoch_1_whole.pt";
    assertThat(with.dir.resolve(weights)).hasSameBinaryContentAs(without.dir.resolve(weights));
    assertThat(without.metrics("probe")).isEmpty();
    assertThat(new RunLayout(without.dir).probes()).doesNotExist();
  }

  @Test
  void every_so_many_steps_and_at_the_end_it_can_be_seen_and_heard() throws Exception {
    SmallRun run = run("run", 2, 3);
    List<JsonNode> probes = run.metrics("probe");
    long steps = run.losses().size();
    assertThat(probes.stream().map(p -> p.get("step").asLong())).first().isEqualTo(3L);
    assertThat(probes.getLast().get("step").asLong()).as("the last weights").isEqualTo(steps);
    assertThat(probes).hasSize((int) Math.ceilDiv(steps, 3));
    for (JsonNode probe : probes) {
      assertThat(probe.get("mel_l1").asDouble()).isPositive();
      assertThat(probe.get("utterances").asInt()).isEqualTo(2);
    }
    Path kept = new RunLayout(run.dir).probe(3);
    List<String> names;
    try (Stream<Path> files = Files.list(kept)) {
      names = files.map(f -> f.getFileName().toString()).sorted().toList();
    }
    assertThat(names).hasSize(4).first().asString().startsWith("1_dev-").endsWith(".png");
    assertThat(names).last().asString().startsWith("2_dev-").endsWith(".wav");
    String name = names.getFirst().replace(".png", "");
    assertThat(Files.readString(new RunLayout(run.dir).trainLog())).contains("probe at step 3: mel L1 ")
        .containsPattern("2 utterances in [0-9.]+ s");
    String events = Files.readString(new RunLayout(run.dir).tensorBoard(1), StandardCharsets.ISO_8859_1);
    assertThat(events).contains("PROBE/mel_l1", "PROBE/mel/" + name, "PROBE/audio/" + name,
        "PROBE/audio_real/" + name);
  }

  @Test
  void after_a_resume_the_probes_are_those_of_a_run_that_was_not_interrupted() throws Exception {
    SmallRun whole = run("whole", 2, 1);
    SmallRun half = run("half", 1, 1);
    Files.writeString(half.config(), "preset: tiny\n" + TRAINING.formatted(2, 1));
    new TrainTask().run(half.alone());
    List<String> before = probes(whole);
    assertThat(before).hasSizeGreaterThan(2);
    assertThat(probes(half)).containsAll(before);
  }
}
