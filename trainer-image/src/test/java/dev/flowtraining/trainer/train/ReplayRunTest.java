package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageTask;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplayRunTest {
  private static final String CONFIG = """
      dataset_conf: {max_frames_in_batch: 200%s}
      train_conf: {max_epoch: %d, log_interval: 1}
      """;

  @TempDir Path dir;

  @Test
  void another_runs_list_is_mixed_in_resumed_with_and_part_of_what_a_checkpoint_is_of() throws Exception {
    SmallRun old = SmallRun.create(dir.resolve("old"), 30, 2, "");
    Path list = new RunLayout(old.dir).dataList("train");
    String replay = ", replay_conf: {data_list: " + list + ", weight: 0.5}";

    SmallRun run = SmallRun.create(dir.resolve("run"), 9, 2, CONFIG.formatted(replay, 2));
    StageTask.Result result = new TrainTask().run(run.alone());
    assertThat(result.counts()).containsEntry("replayedPerEpoch", 9).containsEntry("utterances", 39);
    SmallRun alone = SmallRun.create(dir.resolve("alone"), 9, 2, CONFIG.formatted("", 2));
    new TrainTask().run(alone.alone());
    assertThat(run.losses().size()).isGreaterThan(alone.losses().size());

    SmallRun again = SmallRun.create(dir.resolve("again"), 9, 2, CONFIG.formatted(replay, 1));
    new TrainTask().run(again.alone());
    Files.writeString(again.config(), "preset: tiny\n" + CONFIG.formatted(replay, 2));
    new TrainTask().run(again.alone());
    assertThat(again.losses()).as("the second epoch after a restart").isEqualTo(run.losses());

    Files.writeString(again.config(), "preset: tiny\n" + CONFIG.formatted(replay.replace("0.5", "0.4"), 3));
    String last = "exp/flow_model/attempt-1/epoch_1_whole.pt";
    assertThatThrownBy(() -> new TrainTask().run(again.resuming(last))).isInstanceOf(StageFailure.class)
        .hasMessageContaining("dataset_conf.replay_conf.weight was 0.5 and is 0.4");
    String before = new TrainTask().inputHash(again.alone());
    Files.writeString(list, Files.readString(list).lines().limit(2).reduce("", (a, b) -> a + b + "\n"));
    assertThat(new TrainTask().inputHash(again.alone())).as("the list is part of the input").isNotEqualTo(before);
  }
}
