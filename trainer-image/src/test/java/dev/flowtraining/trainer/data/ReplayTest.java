package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ReplayTest {

  /** Utterances in row groups of three. */
  private record Numbered(String name, int count) implements Examples {
    @Override
    public int[] frames() {
      return IntStream.range(0, count).map(i -> 6 * (i + 1)).toArray();
    }

    @Override
    public List<int[]> rowGroups() {
      return IntStream.range(0, (count + 2) / 3)
          .mapToObj(g -> IntStream.range(3 * g, Math.min(count, 3 * g + 3)).toArray()).toList();
    }

    @Override
    public Optional<Example> load(int index) {
      return Optional.of(new Example(name + index, new int[0], new float[0], new float[0]));
    }

    @Override
    public Map<String, String> dropped() {
      return Map.of(name, "reason: of " + name);
    }
  }

  @Test
  void an_epoch_has_all_of_the_one_and_its_part_of_the_other() {
    Replay replay = new Replay(new Numbered("own", 30), new Numbered("old", 100), 0.25);
    assertThat(replay.perEpoch()).isEqualTo(10); // of 40
    Set<Set<String>> drawn = new HashSet<>();
    Set<String> everDrawn = new TreeSet<>();
    for (int epoch = 0; epoch < 50; epoch++) {
      List<String> utts = utts(replay, 7, epoch);
      assertThat(utts).doesNotHaveDuplicates().hasSize(40);
      assertThat(utts.stream().filter(u -> u.startsWith("own"))).hasSize(30);
      Set<String> old = utts.stream().filter(u -> u.startsWith("old")).collect(Collectors.toSet());
      drawn.add(old);
      everDrawn.addAll(old);
      assertThat(utts(replay, 7, epoch)).as("the same again").isEqualTo(utts);
    }
    assertThat(drawn).as("others in each epoch").hasSize(50);
    assertThat(everDrawn).as("in the end nearly all").hasSizeGreaterThan(95);
    assertThat(utts(replay, 8, 0)).as("by the seed").isNotEqualTo(utts(replay, 7, 0));
  }

  @Test
  void lengths_groups_and_what_was_dropped_are_of_both() {
    Replay replay = new Replay(new Numbered("own", 4), new Numbered("old", 5), 0.9);
    assertThat(replay.perEpoch()).as("no more than there are").isEqualTo(5);
    assertThat(replay.frames()).containsExactly(6, 12, 18, 24, 6, 12, 18, 24, 30);
    assertThat(replay.rowGroups()).extracting(Arrays::toString).containsExactly("[0, 1, 2]", "[3]", "[4, 5, 6]", "[7, 8]");
    assertThat(replay.rowGroups(1, 0)).extracting(Arrays::toString).containsExactly("[0, 1, 2]", "[3]", "[4, 5, 6]", "[7, 8]");
    assertThat(replay.load(3).orElseThrow().utt()).isEqualTo("own3");
    assertThat(replay.load(4).orElseThrow().utt()).isEqualTo("old0");
    assertThat(replay.dropped()).containsOnlyKeys("own", "old");
  }

  private static List<String> utts(Examples examples, long seed, int epoch) {
    return examples.rowGroups(seed, epoch).stream().flatMapToInt(Arrays::stream)
        .mapToObj(i -> examples.load(i).orElseThrow().utt()).toList();
  }
}
