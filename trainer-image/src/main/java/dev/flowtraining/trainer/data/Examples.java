package dev.flowtraining.trainer.data;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The utterances of a split by index: their lengths at once, for planning, and the examples one by one. */
public interface Examples {

  /** Mel frames of each utterance. */
  int[] frames();

  /** For each file the indices of its utterances, in their order. */
  List<int[]> files();

  /** Called from several threads; empty when the utterance is unusable, which is counted in {@link #dropped}. */
  Optional<Example> load(int index);

  /** Unusable utterances so far, with the reason each. */
  Map<String, String> dropped();
}
