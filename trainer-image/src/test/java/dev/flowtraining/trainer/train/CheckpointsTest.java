package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointsTest {
  @TempDir Path dir;
  private final List<String> said = new ArrayList<>();

  @Test
  void the_newest_over_all_attempts_is_found() throws IOException {
    save(1, "epoch_0_whole.pt", 10, 1.0);
    save(1, "epoch_1_whole.pt", 20, 0.9);
    save(2, "step_25.pt", 25, null);
    save(10, "epoch_2_whole.pt", 30, 0.8);
    save(9, "epoch_2_whole.pt", 30, 0.8);
    // a run that was applied again counts its attempts from 1
    assertThat(newest(1)).isEqualTo("exp/flow_model/attempt-10/epoch_2_whole.pt");
    assertThat(newest(11)).isEqualTo("exp/flow_model/attempt-10/epoch_2_whole.pt");
    assertThat(StateDictFile.read(dir.resolve(newest(11))).integer("step", -1)).isEqualTo(30);
    assertThat(new Checkpoints(new RunLayout(dir), 1).named("exp/flow_model/attempt-1/epoch_1_whole.pt", said::add))
        .as("one that is named wins").hasValueSatisfying(c -> assertThat(c.cursor().step()).isEqualTo(20));
  }

  @ParameterizedTest
  @ValueSource(strings = {"epoch_1_whole.pt", "epoch_1_optimizer.pt", "epoch_1_ema.pt", "epoch_1_whole.json"})
  void a_checkpoint_cut_in_half_gives_way_to_the_one_before(String victim) throws IOException {
    save(1, "epoch_0_whole.pt", 10, 1.0);
    save(1, "epoch_1_whole.pt", 20, 0.9);
    try (RandomAccessFile file = new RandomAccessFile(dir.resolve("exp/flow_model/attempt-1/" + victim).toFile(), "rw")) {
      file.setLength(file.length() / 2);
    }
    assertThat(newest(2)).isEqualTo("exp/flow_model/attempt-1/epoch_0_whole.pt");
    assertThat(said).anySatisfy(line -> assertThat(line).contains("epoch_1_"));
    assertThat(new Checkpoints(new RunLayout(dir), 2).named("exp/flow_model/attempt-1/epoch_1_whole.pt", said::add))
        .hasValueSatisfying(c -> assertThat(c.cursor().step()).isEqualTo(10));
  }

  @Test
  void one_flipped_byte_is_noticed_and_files_without_a_manifest_do_not_exist() throws IOException {
    save(1, "epoch_0_whole.pt", 10, 1.0);
    Path weights = dir.resolve("exp/flow_model/attempt-1/epoch_0_whole.pt");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length / 2] ^= 1;
    Files.write(weights, bytes);
    assertThat(new Checkpoints(new RunLayout(dir), 1).newest(said::add)).isEmpty();
    assertThat(said).singleElement().asString().contains("another checksum");
    save(1, "epoch_0_whole.pt", 10, 1.0);
    Files.delete(dir.resolve("exp/flow_model/attempt-1/epoch_0_whole.json"));
    assertThat(new Checkpoints(new RunLayout(dir), 1).newest(said::add)).isEmpty();
  }

  @Test
  void one_that_is_saved_again_under_its_name_stays_until_the_new_one_is_whole() throws IOException {
    save(1, "epoch_0_whole.pt", 10, 1.0);
    save(1, "epoch_1_whole.pt", 20, 0.9);
    Manifest again =
        new Manifest("epoch_1_whole.pt", new Cursor(0, 0, 21, null, 0, 0), 0.8, 1, Map.of(), "data", null, null, null);
    Path folder = dir.resolve("exp/flow_model/attempt-1");
    List<String> before = files(folder);
    assertThatThrownBy(() -> new Checkpoints(new RunLayout(dir), 1)
        .save(again, dict(21), dict(21), Optional.of(dict(21)), null)).as("without the text of the last file but one");
    assertThat(new Checkpoints(new RunLayout(dir), 1).newest(said::add).orElseThrow().cursor().step()).isEqualTo(20);
    assertThat(said).isEmpty();
    assertThat(files(folder)).isEqualTo(before);

    Files.write(folder.resolve(".epoch_9_whole.pt.arriving"), new byte[9]); // of a process that was killed
    save(1, "epoch_1_whole.pt", 21, 0.8);
    assertThat(new Checkpoints(new RunLayout(dir), 1).newest(said::add).orElseThrow().cursor().step()).isEqualTo(21);
    assertThat(files(folder)).isEqualTo(before);
  }

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void the_newest_and_the_best_stay() throws IOException {
    double[] losses = {0.1, 0.9, 0.2, 0.8, 0.7, 0.6};
    for (int epoch = 0; epoch < losses.length; epoch++) {
      save(1, "step_" + (10 * epoch + 5) + ".pt", 10 * epoch + 5, null);
      save(1, "epoch_" + epoch + "_whole.pt", 10 * epoch + 10, losses[epoch]);
      new Checkpoints(new RunLayout(dir), 1).prune(2, 2);
    }
    try (Stream<Path> files = Files.list(dir.resolve("exp/flow_model/attempt-1"))) {
      assertThat(files.map(f -> f.getFileName().toString()).filter(f -> f.endsWith(".pt"))).containsExactlyInAnyOrder(
          "epoch_0_whole.pt", "epoch_2_whole.pt", "epoch_4_whole.pt", "epoch_4_optimizer.pt", "epoch_4_ema.pt",
          "epoch_5_whole.pt", "epoch_5_optimizer.pt", "epoch_5_ema.pt", "step_45.pt", "step_45_optimizer.pt",
          "step_45_ema.pt", "step_55.pt", "step_55_optimizer.pt", "step_55_ema.pt");
    }
    assertThat(newest(1)).isEqualTo("exp/flow_model/attempt-1/epoch_5_whole.pt");
  }

  @Test
  void as_many_of_the_best_stay_as_are_told_within_an_epoch_too() throws IOException {
    save(1, "step_5.pt", 5, 0.2);
    save(1, "epoch_0_whole.pt", 10, 0.9);
    save(1, "step_15.pt", 15, 0.1);
    for (int step = 20; step < 50; step += 10) {
      save(1, "epoch_" + step / 10 + "_whole.pt", step, 0.5 - step / 1000.0);
      save(1, "step_" + (step + 5) + ".pt", step + 5, null);
    }
    new Checkpoints(new RunLayout(dir), 1).prune(1, 1);
    assertThat(weights(1).stream().filter(f -> f.matches("(epoch_\\d_whole|step_\\d+)\\.pt")))
        .containsExactly("epoch_4_whole.pt", "step_15.pt", "step_35.pt", "step_45.pt");
    new Checkpoints(new RunLayout(dir), 1).prune(1, 0);
    assertThat(weights(1)).doesNotContain("step_15.pt").contains("epoch_4_whole.pt");
  }

  @Test
  void of_earlier_attempts_the_best_weights_stay_once_there_are_enough_of_this_one() throws IOException {
    save(1, "epoch_0_whole.pt", 10, 0.1);
    save(1, "epoch_1_whole.pt", 20, 0.9);
    save(1, "step_25.pt", 25, null);
    save(3, "epoch_2_whole.pt", 30, 0.95);
    save(2, "epoch_2_whole.pt", 30, 0.8);
    new Checkpoints(new RunLayout(dir), 2).prune(2, 2);
    assertThat(weights(1)).as("one of two").contains("epoch_1_optimizer.pt", "step_25.pt").hasSize(9);

    save(2, "epoch_3_whole.pt", 40, 0.7);
    Path damaged = dir.resolve("exp/flow_model/attempt-2/epoch_3_whole.pt");
    byte[] bytes = Files.readAllBytes(damaged);
    Files.write(damaged, new byte[bytes.length]);
    new Checkpoints(new RunLayout(dir), 2).prune(2, 2);
    assertThat(weights(1)).as("one of two is damaged").hasSize(9);

    Files.write(damaged, bytes);
    new Checkpoints(new RunLayout(dir), 2).prune(2, 2);
    assertThat(weights(1)).containsExactly("epoch_0_whole.pt");
    assertThat(weights(2)).hasSize(6);
    assertThat(weights(3)).as("of a later attempt").hasSize(3);
    assertThat(newest(2)).isEqualTo("exp/flow_model/attempt-2/epoch_3_whole.pt");
  }

  private List<String> weights(int attempt) throws IOException {
    return files(dir.resolve("exp/flow_model/attempt-" + attempt)).stream().filter(f -> f.endsWith(".pt")).toList();
  }

  @Test
  void a_path_outside_of_the_run_is_refused() {
    assertThatThrownBy(() -> new Checkpoints(new RunLayout(dir), 1).named("../other/epoch_1_whole.pt", said::add))
        .isInstanceOf(StageFailure.class).hasMessageContaining("not inside the run directory");
  }

  private String newest(int attempt) throws IOException {
    Checkpoints checkpoints = new Checkpoints(new RunLayout(dir), attempt);
    return checkpoints.newest(said::add).map(checkpoints::relative).orElseThrow();
  }

  private void save(int attempt, String name, long step, Double cvLoss) throws IOException {
    Manifest manifest = new Manifest(name, new Cursor(0, 0, step, null, 0, 0), cvLoss, 1, Map.of(), "data", null, null, null);
    new Checkpoints(new RunLayout(dir), attempt)
        .save(manifest, dict(step), dict(step), Optional.of(dict(step)), "loss_dict:\n  loss: " + cvLoss + "\n");
  }

  private static StateDict dict(long step) {
    return StateDict.of(Map.of("w", new StateDict.Tensor(StateDict.DType.FLOAT32, new long[] {256},
        ByteBuffer.allocate(1024))), Map.of("epoch", 0L, "step", step));
  }
}
