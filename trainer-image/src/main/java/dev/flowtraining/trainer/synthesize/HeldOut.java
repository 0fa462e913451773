package dev.flowtraining.trainer.synthesize;

import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.data.Examples;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Which utterances are synthesized: the same of a split at every time. */
public final class HeldOut {
  private static final double SHORTEST = 1.2; // seconds; a single word says little

  private HeldOut() {}

  /** Spread evenly over the split; short ones only where there are not enough others. Unusable ones are left out. */
  public static List<Example> spread(Examples examples, int count) {
    int[] frames = examples.frames();
    List<Integer> usable = new ArrayList<>();
    for (int i = 0; i < frames.length; i++) {
      if (frames[i] >= SHORTEST * Example.FRAMES_PER_SECOND) {
        usable.add(i);
      }
    }
    if (usable.size() < count) {
      usable.clear();
      for (int i = 0; i < frames.length; i++) {
        usable.add(i);
      }
    }
    List<Example> chosen = new ArrayList<>();
    int wanted = Math.min(count, usable.size());
    for (int i = 0; i < wanted; i++) {
      examples.load(usable.get((int) ((2L * i + 1) * usable.size() / (2L * wanted)))).ifPresent(chosen::add);
    }
    return chosen;
  }

  /** By their ids, in the order asked for; those that are not there are missing from the result. */
  public static List<Example> named(Examples examples, Collection<String> utts) {
    Map<String, Example> found = new LinkedHashMap<>();
    for (int i = 0; i < examples.frames().length && found.size() < utts.size(); i++) {
      Optional<Example> example = examples.load(i).filter(e -> utts.contains(e.utt()));
      example.ifPresent(e -> found.put(e.utt(), e));
    }
    return utts.stream().filter(found::containsKey).map(found::get).toList();
  }
}
