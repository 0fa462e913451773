package dev.flowtraining.trainer.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.PaddedBatch;
import dev.flowtraining.trainer.model.Draws;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KeyedDrawsTest {
  private static final FlowConfig.FlowMatching MATCHING = new FlowConfig.FlowMatching(1e-6, 0.2, 0.5, 0.3);
  private static final int BINS = 4;

  @Test
  void an_utterance_meets_the_same_whatever_its_neighbours() {
    Draws together = KeyedDraws.of(batch(List.of("a", "b", "c"), 9, 12, 6), MATCHING, 5);
    Draws alone = KeyedDraws.of(batch(List.of("c"), 6), MATCHING, 5);
    assertThat(together.t()[2]).isEqualTo(alone.t()[0]);
    assertThat(together.promptFrames()[2]).isEqualTo(alone.promptFrames()[0]);
    assertThat(together.dropConditions()[2]).isEqualTo(alone.dropConditions()[0]);
    for (int c = 0; c < BINS; c++) {
      int at = (2 * BINS + c) * 24;
      assertThat(Arrays.copyOfRange(together.z(), at, at + 12)).isEqualTo(Arrays.copyOfRange(alone.z(), c * 12, c * 12 + 12));
      assertThat(Arrays.copyOfRange(together.z(), at + 12, at + 24)).containsOnly(0);
    }
    assertThat(KeyedDraws.of(batch(List.of("c"), 6), MATCHING, 6).t()[0]).isNotEqualTo(alone.t()[0]);
  }

  @Test
  void draws_have_the_distributions_of_the_specification() {
    int n = 4000;
    int tokens = 15;
    int[] lengths = new int[n];
    Arrays.fill(lengths, tokens);
    Draws draws = KeyedDraws.of(batch(IntStream.range(0, n).mapToObj(i -> "utt" + i).toList(), lengths), MATCHING, 1);
    double meanT = 0;
    for (float t : draws.t()) {
      assertThat(t).isGreaterThanOrEqualTo(0).isLessThan(1);
      meanT += t / n;
    }
    assertThat(meanT).isCloseTo(0.5, within(0.02));
    List<Boolean> drops = new ArrayList<>();
    for (boolean drop : draws.dropConditions()) {
      drops.add(drop);
    }
    assertThat(drops.stream().filter(d -> d).count() / (double) n).isCloseTo(0.2, within(0.03));
    // ⌊0.3·30⌋ = 9: half have none, the rest 0…9 alike
    assertThat(Arrays.stream(draws.promptFrames()).max()).hasValue(9);
    assertThat(Arrays.stream(draws.promptFrames()).filter(p -> p == 0).count() / (double) n).isCloseTo(0.55, within(0.03));
    double sum = 0;
    double squares = 0;
    for (float z : draws.z()) {
      sum += z;
      squares += z * z;
    }
    assertThat(sum / draws.z().length).isCloseTo(0, within(0.01));
    assertThat(squares / draws.z().length).isCloseTo(1, within(0.01));
  }

  private static PaddedBatch batch(List<String> utts, int... tokens) {
    int longest = Arrays.stream(tokens).max().orElseThrow();
    return new PaddedBatch(utts, new long[2 * utts.size() * longest], tokens, new float[utts.size() * 2 * longest * BINS],
        new float[utts.size()]);
  }
}
