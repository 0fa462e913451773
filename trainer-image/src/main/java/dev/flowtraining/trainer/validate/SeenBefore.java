package dev.flowtraining.trainer.validate;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ArrayList;

/** Finds names and recordings that occur twice, within a split and in both. */
final class SeenBefore {
  private record First(String split, String utt) {}

  private final Map<String, String> names = new HashMap<>();
  private final Map<Sound.Content, First> sounds = new HashMap<>();

  List<Finding> findings(String split, Facts f) {
    List<Finding> findings = new ArrayList<>();
    String other = names.putIfAbsent(f.utt(), split);
    if (other != null) {
      findings.add(new Finding(Check.DUPLICATE_UTTERANCE, split, f.utt(), "the name is in " + other + " already"));
    }
    if (f.sound() != null && f.sound().peak() > 0) { // silence is told as such
      First first = sounds.putIfAbsent(f.sound().content(), new First(split, f.utt()));
      if (first != null) {
        findings.add(new Finding(first.split().equals(split) ? Check.DUPLICATE_AUDIO : Check.TRAIN_DEV_LEAKAGE, split,
            f.utt(), "the same audio as " + first.utt() + " in " + first.split()));
      }
    }
    return findings;
  }
}
