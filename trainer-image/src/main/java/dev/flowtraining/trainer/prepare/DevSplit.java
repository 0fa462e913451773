package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.KaldiTable;
import dev.flowtraining.trainer.data.Utterance;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Holds out a part of the training set. Which utterances depends on their names and on nothing else. Each speaker gives
 * about the same part, and keeps at least one utterance for training; at least one utterance is held out in all.
 */
record DevSplit(List<Utterance> train, List<Utterance> dev) {

  static DevSplit of(List<Utterance> all, double fraction) {
    if (!(fraction > 0 && fraction < 1)) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig",
          "--dev-fraction " + fraction + " must lie between 0 and 1");
    }
    if (all.size() < 2) {
      throw new StageFailure(ExitCode.BAD_DATA, "NoData",
          "a part for validation cannot be taken from " + all.size() + " utterance(s); give more, or --dev");
    }
    Map<String, List<Utterance>> bySpeaker = new TreeMap<>(KaldiTable.ORDER);
    for (Utterance u : all) {
      bySpeaker.computeIfAbsent(u.spk(), s -> new ArrayList<>()).add(u);
    }
    Set<String> held = new HashSet<>();
    double due = 0;
    for (List<Utterance> mine : bySpeaker.values()) {
      due += fraction * mine.size();
      int take = Math.min((int) Math.floor(due + 1e-9), mine.size() - 1);
      due -= take;
      first(mine, take).forEach(u -> held.add(u.utt()));
    }
    if (held.isEmpty()) {
      // of the speaker with the most utterances, so that one is left if that is possible at all
      first(bySpeaker.values().stream().max(Comparator.comparingInt(List::size)).orElseThrow(), 1)
          .forEach(u -> held.add(u.utt()));
    }
    return new DevSplit(all.stream().filter(u -> !held.contains(u.utt())).toList(),
        all.stream().filter(u -> held.contains(u.utt())).toList());
  }

  private static List<Utterance> first(List<Utterance> utterances, int n) {
    return utterances.stream().sorted(Comparator.comparing((Utterance u) -> InputHash.start().add(u.utt()).hex()))
        .limit(n).toList();
  }
}
