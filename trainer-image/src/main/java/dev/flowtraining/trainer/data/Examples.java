package dev.flowtraining.trainer.data;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The utterances of a split by index: their lengths at once, for planning, and the examples one by one. */
public interface Examples {

  /** Mel frames of each utterance. */
  int[] frames();

  /** For each row group, which is what is read at a time, the indices of its utterances, in their order. */
  List<int[]> rowGroups();

  /** Those of an epoch, where they are not always all. */
  default List<int[]> rowGroups(long seed, int epoch) {
    return rowGroups();
  }

  /** Called from several threads; empty when the utterance is unusable, which is counted in {@link #dropped}. */
  Optional<Example> load(int index);

  /** Unusable utterances so far, with the reason each. */
  Map<String, String> dropped();

  /** How many unusable utterances so far for each reason. */
  default Map<String, Integer> droppedByReason() {
    Map<String, Integer> counts = new TreeMap<>();
    dropped().values().forEach(why -> counts.merge(why.substring(0, why.indexOf(':')), 1, Integer::sum));
    return counts;
  }
}
