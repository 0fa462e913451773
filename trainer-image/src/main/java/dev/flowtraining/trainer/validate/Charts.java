package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.page.Canvas.Ink;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The pictures of a validation by file name. */
final class Charts {
  private static final int POINTS = 1500;
  private static final int CODE_BINS = 64;

  private Charts() {}

  static Map<String, Chart> of(List<SplitSummary> splits) {
    Map<String, Chart> charts = new LinkedHashMap<>();
    charts.put("duration", Chart.histogram("seconds per utterance", series(splits, s -> s.seconds)));
    charts.put("characters-per-second", Chart.histogram("characters of the transcript per second",
        series(splits, s -> s.charactersPerSecond)));
    charts.put("peak", Chart.histogram("peak in dB of full scale", series(splits, s -> s.decibels)));
    if (splits.stream().anyMatch(SplitSummary::hasTokens)) {
      charts.put("tokens", Chart.histogram("tokens per utterance, both codebooks", series(splits, s -> s.tokens)));
      charts.put("tokens-per-second", tokensPerSecond(splits));
      charts.put("vq02-codes", codes("vq02 codes 0 … 1023, share of tokens by code", splits, s -> s.codes.vq02()));
      charts.put("vq06-codes", codes("vq06 codes 0 … 4095, share of tokens by code", splits, s -> s.codes.vq06()));
    }
    return charts;
  }

  static Ink ink(String split) {
    return split.equals("train") ? Ink.BLUE : Ink.RED;
  }

  private static Map<String, Series> series(List<SplitSummary> splits, Function<SplitSummary, Series> of) {
    Map<String, Series> series = new LinkedHashMap<>();
    splits.forEach(s -> series.put(s.name, of.apply(s)));
    return series;
  }

  /** At most some hundred utterances of each split, evenly spread over it. */
  private static Chart tokensPerSecond(List<SplitSummary> splits) {
    List<Chart.Dot> dots = new ArrayList<>();
    for (SplitSummary s : splits) {
      int step = Math.max(1, s.tokens.size() / POINTS);
      for (int i = 0; i < s.tokens.size(); i += step) {
        dots.add(new Chart.Dot(s.tokenSeconds.get(i), s.vq02PerSecond(i), ink(s.name)));
        dots.add(new Chart.Dot(s.tokenSeconds.get(i), s.vq06PerSecond(i), ink(s.name)));
      }
    }
    return Chart.scatter("tokens per second by seconds of audio (vq02 at 16.67, vq06 at 25)", dots, List.of(50 / 3.0, 25.0));
  }

  private static Chart codes(String title, List<SplitSummary> splits, Function<SplitSummary, CodeUse> of) {
    Map<String, double[]> bars = new LinkedHashMap<>();
    int codes = of.apply(splits.getFirst()).counts().length;
    for (SplitSummary s : splits) {
      double[] shares = new double[CODE_BINS];
      long[] counts = of.apply(s).counts();
      for (int c = 0; c < codes; c++) {
        shares[c * CODE_BINS / codes] += counts[c] * 100.0 / Math.max(1, of.apply(s).total());
      }
      bars.put(s.name, shares);
    }
    return Chart.bars(title, 0, codes, bars);
  }
}
