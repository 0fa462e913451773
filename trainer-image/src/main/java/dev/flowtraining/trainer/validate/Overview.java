package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.data.DualCodebook;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The numbers of the splits side by side, for the terminal and the page. */
record Overview(List<Row> rows) {

  /** @param values one for each split */
  record Row(String name, List<String> values) {}

  static Overview of(List<SplitSummary> splits) {
    Overview o = new Overview(new ArrayList<>());
    o.add(splits, "utterances", s -> "%,d".formatted(s.utterances));
    o.add(splits, "hours", s -> "%,.2f".formatted(s.seconds.sum() / 3600));
    o.add(splits, "seconds each", s -> spread(s.seconds, "%.1f"));
    o.add(splits, "speakers", s -> "%,d".formatted(s.voices.size()));
    o.add(splits, "sample rate", s -> mix(s.rates, r -> "%,d Hz".formatted(r)));
    o.add(splits, "channels", s -> mix(s.channels, c -> c == 1 ? "mono" : c == 2 ? "stereo" : c.toString()));
    o.add(splits, "encoding", s -> mix(s.encodings, e -> e));
    o.add(splits, "peak, dB of full scale", s -> spread(s.decibels, "%.0f"));
    o.add(splits, "characters each", s -> spread(s.characters, "%.0f"));
    o.add(splits, "characters per second", s -> spread(s.charactersPerSecond, "%.1f"));
    if (splits.stream().anyMatch(SplitSummary::hasTokens)) {
      tokens(o, splits);
    }
    return o;
  }

  private static void tokens(Overview o, List<SplitSummary> splits) {
    o.add(splits, "vq02 tokens", s -> use(s.codes.vq02()));
    o.add(splits, "vq06 tokens", s -> use(s.codes.vq06()));
    o.add(splits, "vq02 : vq06", s -> "%,d : %,d = %.4f".formatted(s.codes.vq02().total(), s.codes.vq06().total(),
        s.codes.vq02().total() / (double) Math.max(1, s.codes.vq06().total())));
    o.add(splits, "vq02 ids, flat = time-aligned", s -> range(s.codes.vq02(), 0) + ", pad " + DualCodebook.VQ02_CODES);
    o.add(splits, "vq06 ids, flat (+1024)", s -> range(s.codes.vq06(), DualCodebook.VQ02_CODES));
    o.add(splits, "vq06 ids, time-aligned (+1025)", s -> range(s.codes.vq06(), DualCodebook.VQ02_CODES + 1));
    o.add(splits, "vq02 per second (16.67)", s -> rate(s, 2));
    o.add(splits, "vq06 per second (25)", s -> rate(s, 3));
    o.add(splits, "mel frames", s -> "%,.0f, %.2f %% of the audio trimmed".formatted(s.frames.sum(),
        100 * Math.max(0, 1 - s.frames.sum() / 50 / s.tokenSeconds.sum())));
    o.add(splits, "L2 norm of embeddings", s -> spread(s.norms, "%.2f"));
    o.add(splits, "cosine within, between speakers", s -> "%s, %s".formatted(cosine(s.voices.typical()),
        cosine(s.voices.acrossSpeakers())));
  }

  private void add(List<SplitSummary> splits, String name, Function<SplitSummary, String> value) {
    rows.add(new Row(name, splits.stream().map(value).toList()));
  }

  private static String spread(Series s, String format) {
    return s.size() == 0 ? "–" : (format + " … " + format + ", median " + format)
        .formatted(s.quantile(0), s.quantile(1), s.quantile(0.5));
  }

  private static <K> String mix(Map<K, Integer> counts, Function<K, String> name) {
    return counts.isEmpty() ? "–" : counts.size() == 1 ? name.apply(counts.keySet().iterator().next())
        : counts.entrySet().stream().sorted(Map.Entry.<K, Integer>comparingByValue().reversed())
            .map(e -> name.apply(e.getKey()) + " × %,d".formatted(e.getValue())).collect(Collectors.joining(", "));
  }

  private static String use(CodeUse c) {
    return c.total() == 0 ? "–" : "%,d; %,d of %,d codes, perplexity %.0f".formatted(c.total(), c.used(),
        c.counts().length, c.perplexity());
  }

  private static String range(CodeUse c, int offset) {
    return c.total() == 0 ? "–" : (c.lowest() + offset) + " … " + (c.highest() + offset);
  }

  /** All tokens over all audio: a median would hide the long recordings. */
  private static String rate(SplitSummary s, int perGroup) {
    return s.tokens.size() == 0 ? "–" : "%.2f".formatted(s.tokens.sum() / DualCodebook.GROUP * perGroup / s.tokenSeconds.sum());
  }

  private static String cosine(double v) {
    return Double.isNaN(v) ? "–" : "%.2f".formatted(v);
  }
}
