package dev.flowtraining.trainer.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.ModelConfig;
import org.junit.jupiter.api.Test;

class SyntheticBatchesTest {
  private static final ModelConfig MODEL = ConfigLoader.preset("tiny").model();
  private static final int COUNT = 24;
  private static final int FRAMES = 20000;

  @Test
  void the_first_rank_has_the_same_batches_dealt_or_not() {
    SyntheticBatches own = SyntheticBatches.own(MODEL, COUNT, FRAMES, 1986, 0);
    SyntheticBatches dealt = SyntheticBatches.dealt(MODEL, COUNT, FRAMES, 1986, 0);
    for (int i = 0; i < COUNT; i++) {
      assertThat(dealt.lengths(i)).isEqualTo(own.lengths(i));
    }
  }

  @Test
  void dealt_batches_of_a_step_are_of_like_length() {
    SyntheticBatches first = SyntheticBatches.own(MODEL, COUNT, FRAMES, 1986, 0);
    for (int rank = 1; rank < 4; rank++) {
      SyntheticBatches own = SyntheticBatches.own(MODEL, COUNT, FRAMES, 1986, rank);
      SyntheticBatches dealt = SyntheticBatches.dealt(MODEL, COUNT, FRAMES, 1986, rank);
      assertThat(apart(first, dealt)).as("rank " + rank).isLessThan(apart(first, own) / 4);
    }
  }

  /** Tokens by which the longest of a step differ, on average. */
  private static double apart(SyntheticBatches one, SyntheticBatches other) {
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
      sum += Math.abs(one.lengths(i)[0] - other.lengths(i)[0]);
    }
    return sum / COUNT;
  }
}
