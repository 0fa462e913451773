package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real ranks that are killed, told to stop, or find their checkpoint damaged: the losses are those of an unhurt run. */
class KillAndResumeTest {
  private static final String CONFIG = """
      dataset_conf: {max_frames_in_batch: 300}
      train_conf: {max_epoch: 3, log_interval: 1, save_per_step: 3, keep_last: 3, dropout: 0.1, streaming: 0.5, chunk_size: 5,
                   scheduler_conf: {warmup_steps: 5}}
      """;
  private static final int EPOCHS = 3;

  @TempDir static Path dir;
  private static SmallRun unhurt;

  @BeforeAll
  static void trainUndisturbed() throws Exception {
    unhurt = create("unhurt");
    assertThat(RankProcess.await(RankProcess.start(unhurt, 2, 1))).as(RankProcess.output(unhurt, 0, 1)).containsOnly(0);
    assertThat(unhurt.losses()).hasSizeGreaterThan(12);
  }

  private static SmallRun create(String name) throws IOException {
    return SmallRun.create(dir.resolve(name), 64, 4, CONFIG);
  }

  @Test
  void killed_at_a_random_step_and_resumed_gives_the_same_losses() throws Exception {
    SmallRun run = create("killed");
    long seed = System.nanoTime();
    int last = unhurt.losses().size();
    int killAt = 4 + new Random(seed).nextInt(last - 5);
    List<Process> ranks = RankProcess.start(run, 2, 1);
    waitForStep(run, killAt, ranks);
    ranks.get(new Random(seed).nextInt(2)).destroyForcibly();
    // the other one notices and ends by itself
    assertThat(RankProcess.await(ranks)).as("killed at step %d", killAt).containsExactlyInAnyOrder(137, 75);
    assertThat(RankProcess.await(RankProcess.start(run, 2, 2))).as(RankProcess.output(run, 0, 2)).containsOnly(0);
    assertThat(RankProcess.output(run, 0, 2)).contains("training goes on from exp/flow_model/attempt-1/");
    expectSameAsUnhurt(run, 2);
  }

  @Test
  void sigterm_saves_first_and_the_next_attempt_goes_on_there() throws Exception {
    SmallRun run = create("stopped");
    List<Process> ranks = RankProcess.start(run, 2, 1);
    waitForStep(run, 4, ranks);
    ranks.get(1).destroy();
    assertThat(RankProcess.await(ranks)).containsOnly(143);
    String saved;
    try (Stream<Path> files = Files.list(run.dir.resolve("exp/flow_model/attempt-1"))) {
      saved = "exp/flow_model/attempt-1/" + files.map(f -> f.getFileName().toString()).filter(f -> f.matches("step_\\d+.pt"))
          .max(Comparator.comparing(f -> Integer.parseInt(f.replaceAll("\\D", "")))).orElseThrow();
    }
    assertThat(RankProcess.output(run, 0, 1)).contains("Terminated: asked to stop at step").contains(saved);
    assertThat(RankProcess.await(RankProcess.start(run, 2, 2, saved))).as(RankProcess.output(run, 0, 2)).containsOnly(0);
    assertThat(RankProcess.output(run, 0, 2)).contains("training goes on from " + saved);
    expectSameAsUnhurt(run, 2);
  }

  @Test
  void a_checkpoint_cut_in_half_is_passed_over() throws Exception {
    SmallRun run = copyOfUnhurt("cut");
    Path newest = run.dir.resolve("exp/flow_model/attempt-1/epoch_2_whole.pt");
    try (RandomAccessFile file = new RandomAccessFile(newest.toFile(), "rw")) {
      file.setLength(file.length() / 2);
    }
    assertThat(RankProcess.await(RankProcess.start(run, 1, 2, "exp/flow_model/attempt-1/epoch_2_whole.pt"))).containsOnly(0);
    assertThat(RankProcess.output(run, 0, 2)).contains("passed over the checkpoint").contains("epoch_2_whole.pt has")
        .contains("training goes on from exp/flow_model/attempt-1/step_");
  }

  @Test
  void a_named_checkpoint_of_another_config_is_refused_with_the_difference() throws Exception {
    SmallRun run = copyOfUnhurt("other");
    Files.writeString(run.config(), "preset: tiny\n" + CONFIG.replace("warmup_steps: 5", "warmup_steps: 6"));
    assertThat(RankProcess.await(RankProcess.start(run, 1, 2, "exp/flow_model/attempt-1/epoch_2_whole.pt"))).containsOnly(2);
    assertThat(RankProcess.output(run, 0, 2)).contains("ConfigMismatch")
        .contains("train_conf.scheduler_conf.warmup_steps was 5 and is 6");
  }

  @Test
  void another_config_trains_anew_and_keeps_what_was_there() throws Exception {
    SmallRun run = copyOfUnhurt("anew");
    Files.writeString(run.config(), "preset: tiny\n" + CONFIG.replace("warmup_steps: 5", "warmup_steps: 6"));
    assertThat(RankProcess.await(RankProcess.start(run, 2, 2))).as(RankProcess.output(run, 0, 2)).containsOnly(0);
    assertThat(RankProcess.output(run, 0, 2)).contains("training starts from random weights");
    assertThat(run.dir.resolve("exp/flow_model/train.log")).content()
        .contains("train_conf.scheduler_conf.warmup_steps was 5 and is 6");
    assertThat(run.dir.resolve("exp/flow_model/attempt-1")).doesNotExist();
    assertThat(run.metrics("validation")).hasSize(EPOCHS);
    try (Stream<Path> folders = Files.list(run.dir.resolve("exp"))) {
      Path aside = folders.filter(f -> f.getFileName().toString().startsWith("flow_model.before-")).findFirst().orElseThrow();
      assertThat(aside.resolve("attempt-1/epoch_2_whole.pt")).exists();
    }
  }

  @Test
  void more_epochs_go_on_where_the_run_ended() throws Exception {
    SmallRun run = copyOfUnhurt("longer");
    Files.writeString(run.config(), "preset: tiny\n" + CONFIG.replace("max_epoch: 3", "max_epoch: 4"));
    assertThat(RankProcess.await(RankProcess.start(run, 2, 2))).containsOnly(0);
    assertThat(run.losses().size()).isGreaterThan(unhurt.losses().size());
    assertThat(run.dir.resolve("exp/flow_model/attempt-2/epoch_3_whole.json")).exists();
  }

  private static void expectSameAsUnhurt(SmallRun run, int attempt) throws IOException {
    // as text: bit for bit
    assertThat(run.losses()).isEqualTo(unhurt.losses());
    assertThat(validations(run)).isEqualTo(validations(unhurt)).hasSize(EPOCHS);
    String last = "epoch_" + (EPOCHS - 1) + "_whole.pt";
    var expected = StateDictFile.read(unhurt.dir.resolve("exp/flow_model/attempt-1").resolve(last));
    var actual = StateDictFile.read(run.dir.resolve("exp/flow_model/attempt-" + attempt).resolve(last));
    assertThat(actual.integers()).isEqualTo(expected.integers());
    expected.tensors().forEach((name, tensor) ->
        assertThat(actual.tensors().get(name).data().mismatch(tensor.data())).as(name).isEqualTo(-1));
  }

  private static Map<Integer, String> validations(SmallRun run) throws IOException {
    Map<Integer, String> losses = new TreeMap<>();
    for (var line : run.metrics("validation")) {
      losses.put(line.get("epoch").asInt(), line.get("cv_loss").asText());
    }
    return losses;
  }

  private static void waitForStep(SmallRun run, long step, List<Process> ranks) throws Exception {
    while (!run.losses().containsKey(step)) {
      assertThat(ranks).as(RankProcess.output(run, 0, 1)).allMatch(Process::isAlive);
      Thread.sleep(5);
    }
  }

  private static SmallRun copyOfUnhurt(String name) throws IOException {
    Path to = dir.resolve(name);
    try (Stream<Path> files = Files.walk(unhurt.dir)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(unhurt.dir.relativize(file)));
      }
    }
    return SmallRun.at(to);
  }
}
