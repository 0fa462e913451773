package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.data.DualCodebook;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a split holds, added up utterance by utterance. */
final class SplitSummary {
  private static final double COLLAPSED = 0.5;
  private static final long ENOUGH_TOKENS = 1000;

  final String name;
  final Series seconds = new Series();
  final Series decibels = new Series();
  final Series characters = new Series();
  final Series charactersPerSecond = new Series();
  final Map<Integer, Integer> rates = new TreeMap<>();
  final Map<Integer, Integer> channels = new TreeMap<>();
  final Map<String, Integer> encodings = new TreeMap<>();
  final Voices voices = new Voices();
  final CodeUse.Both codes = new CodeUse.Both();
  /** Of each utterance with good tokens: flat tokens, and the length of its audio. */
  final Series tokens = new Series();
  final Series tokenSeconds = new Series();
  final Series frames = new Series();
  final Series norms = new Series();
  int utterances;

  SplitSummary(String name) {
    this.name = name;
  }

  void add(Facts f) {
    utterances++;
    voices.add(f);
    characters.add(f.characters());
    Sound s = f.sound();
    if (s != null) {
      seconds.add(s.seconds());
      decibels.add(s.decibels());
      charactersPerSecond.add(f.characters() / s.seconds());
      rates.merge(s.rate(), 1, Integer::sum);
      channels.merge(s.channels(), 1, Integer::sum);
      encodings.merge(s.encoding(), 1, Integer::sum);
    }
    if (f.tokens() != null) {
      codes.add(f.tokens());
      if (s != null) {
        tokens.add(f.tokens().length);
        tokenSeconds.add(s.seconds());
        frames.add(f.frames());
      }
    }
    if (f.voice() != null) {
      double squares = 0;
      for (double v : f.voice()) {
        squares += v * v;
      }
      norms.add(Math.sqrt(squares));
    }
  }

  boolean hasTokens() {
    return codes.vq02().total() > 0;
  }

  double vq02PerSecond(int i) {
    return groups(i) * 2 / tokenSeconds.get(i);
  }

  double vq06PerSecond(int i) {
    return groups(i) * 3 / tokenSeconds.get(i);
  }

  private double groups(int i) {
    return tokens.get(i) / (double) DualCodebook.GROUP;
  }

  /** What only the whole split shows. */
  List<Finding> findings() {
    List<Finding> findings = new ArrayList<>(voices.findings(name));
    if (utterances == 0) {
      findings.add(new Finding(Check.NO_DATA, name, "", "there is no utterance"));
    }
    for (Map.Entry<String, CodeUse> e : Map.of("vq02", codes.vq02(), "vq06", codes.vq06()).entrySet()) {
      CodeUse use = e.getValue();
      if (use.total() >= ENOUGH_TOKENS && use.largestShare() > COLLAPSED) {
        findings.add(new Finding(Check.COLLAPSED_CODEBOOK, name, e.getKey(),
            "one code is %.0f %% of %,d tokens".formatted(100 * use.largestShare(), use.total())));
      }
    }
    return findings;
  }
}
