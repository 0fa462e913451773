package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EpochPlanTest {
  private static final EpochPlan.Sizes SIZES = new EpochPlan.Sizes(2000, 100, 50);

  @ParameterizedTest
  @CsvSource({"997,1,1", "997,2,1", "997,4,2", "997,3,2", "40,4,1", "5,8,1", "1,2,2"})
  void every_utterance_once_and_equal_work_for_all_ranks(int utterances, int worldSize, int accumGrad) {
    int[] frames = frames(utterances);
    EpochPlan plan = EpochPlan.of(frames, files(utterances, 64), SIZES, 7, 0, worldSize * accumGrad);
    List<Integer> seen = new ArrayList<>();
    for (int step = 0; step < plan.steps().size(); step++) {
      for (int rank = 0; rank < worldSize; rank++) {
        List<int[]> mine = plan.ofRank(step, rank, worldSize);
        assertThat(mine).hasSize(accumGrad);
        for (int[] batch : mine) {
          int longest = Arrays.stream(batch).map(i -> frames[i]).max().orElse(0);
          assertThat(batch.length <= 1 || longest * batch.length <= SIZES.maxFramesInBatch()).isTrue();
          Arrays.stream(batch).forEach(seen::add);
          assertThat(Arrays.stream(batch).map(i -> -frames[i]).toArray()).isSorted();
        }
      }
    }
    assertThat(seen).hasSize(utterances).doesNotHaveDuplicates();
    // places are empty only when there are fewer utterances than places
    assertThat(plan.steps().stream().flatMap(List::stream).filter(b -> b.length == 0))
        .hasSize(Math.max(0, worldSize * accumGrad - utterances));
  }

  @Test
  void the_global_batch_is_the_same_for_any_split_into_ranks_and_accumulation() {
    int[] frames = frames(500);
    EpochPlan plan = EpochPlan.of(frames, files(500, 64), SIZES, 7, 3, 4);
    for (int step = 0; step < plan.steps().size(); step++) {
      List<int[]> alone = plan.ofRank(step, 0, 1);
      for (int worldSize : new int[] {2, 4}) {
        List<int[]> together = new ArrayList<>();
        List<List<int[]>> ranks = new ArrayList<>();
        for (int rank = 0; rank < worldSize; rank++) {
          ranks.add(plan.ofRank(step, rank, worldSize));
        }
        for (int j = 0; j < 4 / worldSize; j++) {
          for (List<int[]> rank : ranks) {
            together.add(rank.get(j));
          }
        }
        assertThat(together).isEqualTo(alone);
      }
    }
  }

  @Test
  void epochs_differ_and_are_repeatable() {
    int[] frames = frames(300);
    List<int[]> files = files(300, 64);
    assertThat(text(EpochPlan.of(frames, files, SIZES, 7, 1, 2)))
        .isEqualTo(text(EpochPlan.of(frames, files, SIZES, 7, 1, 2)))
        .isNotEqualTo(text(EpochPlan.of(frames, files, SIZES, 7, 2, 2)))
        .isNotEqualTo(text(EpochPlan.of(frames, files, SIZES, 8, 1, 2)));
  }

  @Test
  void little_is_padding() {
    int[] frames = frames(2000);
    EpochPlan plan = EpochPlan.of(frames, files(2000, 500), new EpochPlan.Sizes(4000, 1000, 500), 7, 1, 2);
    long valid = 0;
    long padded = 0;
    for (List<int[]> step : plan.steps()) {
      for (int[] batch : step) {
        valid += Arrays.stream(batch).mapToLong(i -> frames[i]).sum();
        padded += (long) batch.length * Arrays.stream(batch).map(i -> frames[i]).max().orElse(0);
      }
    }
    assertThat((double) valid / padded).isGreaterThan(0.95);
  }

  @Test
  void one_too_long_utterance_is_a_batch_of_its_own() {
    assertThat(EpochPlan.validation(new int[] {5000, 100, 120}, 300)).hasSize(2)
        .satisfies(batches -> assertThat(batches.getFirst()).containsExactly(2, 1));
    assertThat(EpochPlan.of(new int[] {5000}, List.of(new int[] {0}), SIZES, 1, 0, 1).steps()).hasSize(1);
  }

  @Test
  void batches_as_upstream_does() {
    JsonNode dynamic = Fixtures.json("data/meta.json").get("dynamic_batch");
    assertThat(dynamic.get("vectors")).isNotEmpty().allSatisfy(vector -> {
      int[] frames = ints(vector.get("lengths"));
      assertThat(lengths(frames, vector.get("max_frames_in_batch").asInt()))
          .isEqualTo(sortedEach(vector.get("batches")));
    });
    // the one difference: no empty batch before a first utterance that is too long, on which upstream's padding fails
    JsonNode oversize = dynamic.get("oversize_first_sample");
    List<List<Integer>> expected = new ArrayList<>(sortedEach(oversize.get("batches")));
    assertThat(expected.removeFirst()).isEmpty();
    assertThat(lengths(ints(oversize.get("lengths")), oversize.get("max_frames_in_batch").asInt())).isEqualTo(expected);
  }

  /** Upstream shares out files, some twice when there are too few; here a rank reads its part and nothing twice. */
  @Test
  void a_rank_reads_its_part_of_the_row_groups() {
    JsonNode samples = Fixtures.json("data/meta.json").at("/file_partition/samples");
    assertThat(samples).isNotEmpty().allSatisfy(sample -> {
      int groups = sample.get("files").asInt();
      int worldSize = sample.get("world_size").asInt();
      int[] frames = frames(groups * 64);
      EpochPlan plan = EpochPlan.of(frames, files(frames.length, 64), SIZES, 7, sample.get("epoch").asInt(), worldSize);
      List<Integer> all = new ArrayList<>();
      for (int rank = 0; rank < worldSize; rank++) {
        int r = rank;
        int[] mine = IntStream.range(0, plan.steps().size()).boxed()
            .flatMapToInt(step -> plan.ofRank(step, r, worldSize).stream().flatMapToInt(Arrays::stream)).toArray();
        assertThat(Arrays.stream(mine).map(i -> i / 64).distinct().count())
            .isLessThanOrEqualTo(Math.ceilDiv(groups, worldSize) + 1);
        assertThat(Arrays.stream(mine).map(i -> frames[i]).sum())
            .isCloseTo(Arrays.stream(frames).sum() / worldSize, within(1000));
        Arrays.stream(mine).forEach(all::add);
      }
      assertThat(all).hasSize(frames.length).doesNotHaveDuplicates();
      assertThat(plan.steps()).allSatisfy(step -> assertThat(step).allSatisfy(b -> assertThat(b).isNotEmpty()));
    });
  }

  private static List<List<Integer>> lengths(int[] frames, int maxFrames) {
    return EpochPlan.batches(IntStream.range(0, frames.length).toArray(), frames, maxFrames).stream()
        .map(b -> Arrays.stream(b).map(i -> frames[i]).sorted().boxed().toList()).toList();
  }

  private static List<List<Integer>> sortedEach(JsonNode batches) {
    List<List<Integer>> sorted = new ArrayList<>();
    batches.forEach(b -> sorted.add(Arrays.stream(ints(b)).sorted().boxed().toList()));
    return sorted;
  }

  private static int[] ints(JsonNode array) {
    return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
  }

  private static String text(EpochPlan plan) {
    return plan.steps().stream().map(s -> s.stream().map(Arrays::toString).toList().toString()).toList().toString();
  }

  static int[] frames(int utterances) {
    Random random = new Random(1);
    return IntStream.range(0, utterances).map(i -> 6 * (8 + random.nextInt(100))).toArray();
  }

  static List<int[]> files(int utterances, int perFile) {
    return IntStream.iterate(0, at -> at < utterances, at -> at + perFile)
        .mapToObj(at -> IntStream.range(at, Math.min(at + perFile, utterances)).toArray()).toList();
  }
}
