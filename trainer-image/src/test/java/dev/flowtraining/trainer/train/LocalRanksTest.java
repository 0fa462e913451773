package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class LocalRanksTest {

  @Test
  void a_rank_gets_what_concerns_training() {
    assertThat(LocalRanks.ofRank(
        "run --stages 0-6 --run-dir dir --ranks 2 --preset tiny --train=speech --stages=3-4 --ranks=3".split(" ")))
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
    assertThatThrownBy(() -> LocalRanks.run(3, Waiting.class, new String[0]))
        .isInstanceOfSatisfying(StageFailure.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING));
  }
}
