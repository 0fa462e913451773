package dev.flowtraining.trainer.export;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.page.Histogram;
import dev.flowtraining.trainer.page.Page;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The part of the report that says what was trained on. */
record DataSection(Page page, RunLayout layout) {

  void write() throws IOException {
    List<DataSummary> splits = new ArrayList<>();
    for (String split : List.of("train", "dev")) {
      DataSummary summary = DataSummary.of(layout, split);
      if (summary.seconds().length > 0) {
        splits.add(summary);
      }
    }
    if (splits.isEmpty()) {
      return;
    }
    page.heading("Data").raw("<div class=\"pair\"><div class=\"scroll\"><table><tr><th>");
    splits.forEach(s -> page.raw("<th class=\"number\">").text(s.split()));
    row(splits, "utterances", s -> "%,d".formatted(s.seconds().length));
    row(splits, "hours", s -> "%.2f".formatted(s.hours()));
    row(splits, "speakers", s -> s.speakers() == 0 ? "–" : "%,d".formatted(s.speakers()));
    row(splits, "shortest", s -> "%.2f s".formatted(s.quantile(0)));
    row(splits, "median", s -> "%.2f s".formatted(s.quantile(0.5)));
    row(splits, "95 % below", s -> "%.2f s".formatted(s.quantile(0.95)));
    row(splits, "longest", s -> "%.2f s".formatted(s.quantile(1)));
    row(splits, "rejected", s -> s.rejected() == 0 ? "none" : s.rejects().entrySet().stream()
        .map(r -> "%,d %s".formatted(r.getValue(), r.getKey())).collect(Collectors.joining(", ")));
    page.raw("\n</table></div>\n<figure>" + new Histogram("utterances of " + splits.getFirst().split() + " by duration",
        "seconds", splits.getFirst().seconds()).svg() + "</figure></div>\n");
  }

  private void row(List<DataSummary> splits, String name, Function<DataSummary, String> value) {
    page.raw("\n<tr><td>").text(name);
    splits.forEach(s -> page.raw("<td class=\"number\">").text(value.apply(s)));
  }
}
