package dev.flowtraining.trainer.data;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Some utterances of a set, in its order. */
public final class Subset implements Examples {
  private final Examples all;
  private final int[] indices;

  public Subset(Examples all, IntPredicate chosen) {
    this.all = all;
    indices = IntStream.range(0, all.frames().length).filter(chosen).toArray();
  }

  public int size() {
    return indices.length;
  }

  @Override
  public int[] frames() {
    return Arrays.stream(indices).map(i -> all.frames()[i]).toArray();
  }

  @Override
  public List<int[]> rowGroups() {
    Map<Integer, Integer> places = new HashMap<>();
    for (int i = 0; i < indices.length; i++) {
      places.put(indices[i], i);
    }
    return all.rowGroups().stream().map(g -> Arrays.stream(g).filter(places::containsKey).map(places::get).toArray())
        .filter(g -> g.length > 0).toList();
  }

  @Override
  public Optional<Example> load(int index) {
    return all.load(indices[index]);
  }

  @Override
  public Map<String, String> dropped() {
    return all.dropped();
  }
}
