package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class LocalRanksTest {

  @Test
  void a_rank_gets_what_concerns_training() {
    assertThat(LocalRanks.ofRank(
        "run --stages 0-6 --run-dir dir --ranks 2 --preset tiny --train=speech --stages=3-4 --ranks=3 --gpus 0,1".split(" ")))
        .containsExactly("train", "--run-dir", "dir", "--preset", "tiny", "--train=speech");
    assertThat(LocalRanks.ofRank("--run-dir dir train --ranks 2".split(" "))).containsExactly("--run-dir", "dir", "train");
  }

  @Test
  void the_cause_counts_and_not_its_consequences() {
    assertThat(LocalRanks.verdict(List.of(0, 0))).isZero();
    assertThat(LocalRanks.verdict(List.of(75, 64, 75))).isEqualTo(64);
    assertThat(LocalRanks.verdict(List.of(75, 137))).isEqualTo(137);
    assertThat(LocalRanks.verdict(List.of(0, 75))).isEqualTo(75);
  }

  /** Writes down what it was given. */
  static final class Recording {
    public static void main(String[] args) throws IOException {
      Map<String, String> env = System.getenv();
      String given = Stream.of("LOCAL_RANK", "LOCAL_WORLD_SIZE", "WORLD_SIZE", "JOB_COMPLETION_INDEX", "MASTER_ADDR",
          "CUDA_VISIBLE_DEVICES").map(name -> name + "=" + env.get(name)).collect(Collectors.joining(" "));
      Files.writeString(Path.of(args[2], env.get("LOCAL_RANK")),
          given + " rank " + Ranks.of(env).rank() + " args " + String.join(" ", args));
    }
  }

  @Test
  void four_ranks_are_four_processes(@TempDir Path dir) throws Exception {
    LocalRanks.run(4, List.of(), Recording.class, new String[] {"run", "--ranks", "4", "--run-dir", dir.toString()});
    for (int rank = 0; rank < 4; rank++) {
      assertThat(dir.resolve("" + rank)).content().isEqualTo("LOCAL_RANK=" + rank + " LOCAL_WORLD_SIZE=4 WORLD_SIZE=4 "
          + "JOB_COMPLETION_INDEX=0 MASTER_ADDR=127.0.0.1 CUDA_VISIBLE_DEVICES=" + System.getenv("CUDA_VISIBLE_DEVICES")
          + " rank " + rank + " args train --run-dir " + dir);
    }
  }

  @Test
  void each_gpu_gets_a_process_that_sees_them_all(@TempDir Path dir) throws Exception {
    LocalRanks.run(1, List.of("4", "7"), Recording.class, new String[] {"run", "--gpus", "4,7", "--run-dir", dir.toString()});
    for (int rank = 0; rank < 2; rank++) {
      assertThat(dir.resolve("" + rank)).content().contains("LOCAL_RANK=" + rank + " ", "WORLD_SIZE=2 ",
          "CUDA_VISIBLE_DEVICES=4,7 rank " + rank, "args train --run-dir " + dir + " --device cuda");
    }
  }

  /** A rank whose peer never comes. */
  static final class Waiting {
    public static void main(String[] args) throws InterruptedException {
      if (System.getenv("LOCAL_RANK").equals("1")) {
        System.exit(ExitCode.MISSING.code());
      }
      Thread.sleep(600_000);
    }
  }

  @Test
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void a_rank_that_ends_at_the_start_ends_the_others() {
    assertThatThrownBy(() -> LocalRanks.run(3, List.of(), Waiting.class, new String[0]))
        .isInstanceOfSatisfying(StageFailure.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING));
  }
}
