package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.flowtraining.trainer.RunLayout;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A volume that is really full: a small tmpfs, which only root can mount. */
class DiskFullTest {
  private static final String CONFIG = """
      dataset_conf: {max_frames_in_batch: 300}
      train_conf: {max_epoch: 4, log_interval: 1, keep_last: 5}
      """;

  @TempDir Path dir;
  private boolean mounted;

  @AfterEach
  void unmount() throws Exception {
    if (mounted) {
      command("umount", dir.toString());
    }
  }

  /** A checkpoint takes 4.6 MB: the third has no room. */
  @Test
  void the_checkpoint_before_stays_and_training_goes_on_from_it_when_there_is_room() throws Exception {
    mounted = command("mount", "-t", "tmpfs", "-o", "size=13m", "tmpfs", dir.toString());
    assumeTrue(mounted, "mounting a small tmpfs needs root and the right to mount");
    SmallRun run = SmallRun.create(dir, 12, 3, CONFIG);
    assertThat(RankProcess.await(RankProcess.start(run, 1, 1))).as(RankProcess.output(run, 0, 1)).containsOnly(75);
    assertThat(RankProcess.output(run, 0, 1)).contains("CheckpointNotWritten: cannot write epoch_2_whole.pt")
        .contains("No space left on device").contains("train_conf.keep_last")
        .contains("The last whole checkpoint is exp/flow_model/attempt-1/epoch_1_whole.pt");
    Checkpoints checkpoints = new Checkpoints(new RunLayout(dir), 1);
    assertThat(checkpoints.newest(line -> {}).map(checkpoints::relative))
        .hasValue("exp/flow_model/attempt-1/epoch_1_whole.pt");

    assertThat(command("mount", "-o", "remount,size=64m", dir.toString())).isTrue();
    assertThat(RankProcess.await(RankProcess.start(run, 1, 2))).as(RankProcess.output(run, 0, 2)).containsOnly(0);
    assertThat(RankProcess.output(run, 0, 2)).contains("training goes on from exp/flow_model/attempt-1/epoch_1_whole.pt");
    assertThat(dir.resolve("exp/flow_model/attempt-2/epoch_3_whole.json")).exists();
  }

  private static boolean command(String... words) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(words).inheritIO().start();
      return process.waitFor(20, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException e) {
      return false; // there is no such command
    }
  }
}
