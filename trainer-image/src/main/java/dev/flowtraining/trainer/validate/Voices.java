package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.data.KaldiTable;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The speakers of a split. How much a speaker's utterances resemble each other is the mean cosine of all pairs of their
 * embeddings, which follows from the sum of the unit vectors alone: (|Σu|² − n) / (n(n−1)).
 */
final class Voices {
  /** With fewer a single odd recording would speak for all. */
  private static final int ENOUGH = 3;
  /** Two voices under one name, half and half, lie in the middle between a speaker and strangers. */
  private static final double MIDDLE = 0.55;

  static final class Voice {
    private int utterances;
    private double seconds;
    private int embedded;
    private float[] sum;
    private int speakerHash;
    private boolean embeddingsDiffer;

    int utterances() {
      return utterances;
    }

    double seconds() {
      return seconds;
    }

    /** NaN with fewer than two embeddings. */
    double resemblance() {
      return embedded < 2 ? Double.NaN : (squares(sum) - embedded) / ((double) embedded * (embedded - 1));
    }
  }

  private final Map<String, Voice> bySpeaker = new TreeMap<>(KaldiTable.ORDER);

  void add(Facts f) {
    Voice voice = bySpeaker.computeIfAbsent(f.spk(), s -> new Voice());
    voice.utterances++;
    voice.seconds += f.sound() == null ? 0 : f.sound().seconds();
    if (f.voice() != null) {
      if (voice.sum == null) {
        voice.sum = new float[f.voice().length];
      }
      double norm = Math.sqrt(Arrays.stream(f.voice()).map(x -> x * x).sum());
      for (int i = 0; i < voice.sum.length; i++) {
        voice.sum[i] += (float) (f.voice()[i] / norm);
      }
      voice.embedded++;
    }
    if (f.speaker() != null) {
      int hash = Arrays.hashCode(f.speaker());
      voice.embeddingsDiffer |= voice.speakerHash != 0 && voice.speakerHash != hash;
      voice.speakerHash = hash;
    }
  }

  int size() {
    return bySpeaker.size();
  }

  boolean contains(String spk) {
    return bySpeaker.containsKey(spk);
  }

  /** Most speech first. */
  List<Map.Entry<String, Voice>> byMinutes() {
    return bySpeaker.entrySet().stream()
        .sorted(Comparator.comparingDouble((Map.Entry<String, Voice> e) -> -e.getValue().seconds)).toList();
  }

  /** Mean cosine of two utterances of different speakers; NaN with fewer than two speakers. */
  double acrossSpeakers() {
    float[] all = null;
    double own = 0;
    double n = 0;
    double pairs = 0;
    for (Voice v : bySpeaker.values()) {
      if (v.sum != null) {
        all = all == null ? new float[v.sum.length] : all;
        for (int i = 0; i < all.length; i++) {
          all[i] += v.sum[i];
        }
        own += squares(v.sum);
        n += v.embedded;
        pairs += (double) v.embedded * v.embedded;
      }
    }
    return n * n == pairs ? Double.NaN : (squares(all) - own) / (n * n - pairs);
  }

  /** The median speaker's resemblance; NaN when none has enough utterances. */
  double typical() {
    double[] all = bySpeaker.values().stream().filter(v -> v.embedded >= ENOUGH).mapToDouble(Voice::resemblance).sorted()
        .toArray();
    return all.length == 0 ? Double.NaN : all[all.length / 2];
  }

  /**
   * Speakers whose utterances resemble each other little more than those of strangers do. The less the embeddings tell
   * speakers apart at all, the further down a speaker has to be.
   */
  List<Finding> findings(String split) {
    double across = acrossSpeakers();
    double typical = typical();
    double least = across + (typical - across) * Math.clamp(typical - across, 0, MIDDLE);
    return bySpeaker.entrySet().stream().<Finding>mapMulti((e, found) -> {
      Voice v = e.getValue();
      if (v.embedded >= ENOUGH && v.resemblance() < least) {
        found.accept(new Finding(Check.MIXED_VOICES, split, e.getKey(), ("mean cosine of its %d utterances is %.2f; "
            + "%.2f is usual within a speaker, %.2f between speakers").formatted(v.embedded, v.resemblance(), typical, across)));
      }
      if (v.embeddingsDiffer) {
        found.accept(new Finding(Check.SPEAKER_MEAN, split, e.getKey(), "its rows have different spk_embedding"));
      }
    }).toList();
  }

  private static double squares(float[] v) {
    double sum = 0;
    for (float x : v) {
      sum += (double) x * x;
    }
    return sum;
  }
}
