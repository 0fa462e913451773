package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorstBatchesTest {
  @TempDir Path dir;

  @Test
  void the_most_frames_and_the_most_pairs_of_frames() {
    int[] frames = {10, 10, 10, 10, 10, 36, 6, 30};
    List<List<int[]>> steps = List.of(List.of(new int[] {0, 1, 2, 3, 4}, new int[] {6}), List.of(new int[] {5}, new int[0]),
        List.of(new int[] {7}));
    assertThat(WorstBatches.of(steps, frames).batches()).extracting(Arrays::toString)
        .containsExactly("[0, 1, 2, 3, 4]", "[5]"); // 50 frames; 36²
    assertThat(WorstBatches.of(List.of(List.of(new int[] {7, 5}, new int[] {6})), frames).batches()).hasSize(1);
    assertThat(WorstBatches.of(List.of(), frames).batches()).isEmpty();
  }

  @Test
  void trying_them_first_changes_nothing_of_the_training() throws Exception {
    SmallRun with = train("with", true);
    SmallRun without = train("without", false);
    assertThat(with.losses()).isEqualTo(without.losses());
    String last = "exp/flow_model/attempt-1/epoch_0_whole.pt";
    var expected = StateDictFile.read(without.dir.resolve(last)).tensors();
    StateDictFile.read(with.dir.resolve(last)).tensors().forEach((name, tensor) ->
        assertThat(tensor.data().mismatch(expected.get(name).data())).as(name).isEqualTo(-1));
    List<String> log = Files.readAllLines(new RunLayout(with.dir).trainLog());
    int tried = log.indexOf(log.stream().filter(l -> l.contains("trying the largest batch first: ")).findFirst().orElseThrow());
    int first = log.indexOf(log.stream().filter(l -> l.contains("epoch 0 step 1 ")).findFirst().orElseThrow());
    assertThat(tried).isLessThan(first);
    assertThat(new RunLayout(without.dir).trainLog()).content().doesNotContain("trying the largest");
  }

  private SmallRun train(String name, boolean first) throws Exception {
    SmallRun run = SmallRun.create(dir.resolve(name), 12, 2, """
        dataset_conf: {max_frames_in_batch: 200}
        train_conf: {max_epoch: 1, log_interval: 1, dropout: 0.2, worst_batch_first: %s}
        """.formatted(first));
    new TrainTask().run(run.alone());
    return run;
  }
}
