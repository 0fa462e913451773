package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.Versions;
import dev.flowtraining.trainer.page.Page;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code validate.html}: one file that shows what the data is and what is wrong with it. */
final class ValidationPage {
  private static final int SPEAKERS = 40;
  private static final String STYLE = """
      .figures div { flex-basis: 12rem }
      .verdict { border-radius: .5rem; padding: .6rem .8rem; margin: .75rem 0; background: #e8f4ec; color: #14532d }
      .verdict.warning { background: #fdf3dd; color: #713f12 } .verdict.error { background: #fbe9e4; color: #7c2d12 }
      .tag { border-radius: .3rem; padding: .05rem .4rem; font-size: .8rem; white-space: nowrap }
      .tag.error { background: #fbe9e4; color: #9a3412 } .tag.warning { background: #fdf3dd; color: #854d0e }
      td.number, th.number { text-align: right; font-variant-numeric: tabular-nums } td details { margin-top: .2rem } summary { cursor: pointer; color: #5b6775 }
      .share { background: #6f9bd1; height: .5rem; border-radius: .2rem; min-width: 2px; margin-top: .5rem }
      """;

  private final Page page;

  private ValidationPage(Page page) {
    this.page = page;
  }

  static String of(Outcome outcome, Map<String, Chart> charts) {
    String state = outcome.errors() > 0 ? "error" : outcome.warnings() > 0 ? "warning" : "";
    ValidationPage p = new ValidationPage(new Page("Data validation", outcome.verdict(), STYLE));
    p.page.raw("<p class=\"muted\">").text(String.join(", ", outcome.inputs().values().stream().map(Object::toString).toList()))
        .raw("</p>\n<p class=\"verdict " + state + "\">").text(outcome.verdict()).raw("</p>\n");
    p.figures(outcome.splits());
    p.findings(outcome.findings());
    p.overview(outcome.splits());
    p.page.heading("Distributions");
    charts.values().forEach(chart -> p.page.raw("<figure>" + chart.svg() + "</figure>\n"));
    p.speakers(outcome.splits());
    p.versions();
    return p.page.finish();
  }

  private void figures(List<SplitSummary> splits) {
    Map<String, String> figures = new LinkedHashMap<>();
    for (SplitSummary s : splits) {
      figures.put(s.name + ", hours", "%,.2f".formatted(s.seconds.sum() / 3600));
      figures.put(s.name + ", utterances", "%,d".formatted(s.utterances));
      figures.put(s.name + ", speakers", "%,d".formatted(s.voices.size()));
    }
    page.figures(figures);
  }

  private void findings(Findings findings) {
    if (findings.counts().isEmpty()) {
      return;
    }
    page.heading("Findings").raw("<div class=\"scroll\"><table><tr><th><th>check<th class=\"number\">count<th>what to do\n");
    findings.counts().forEach((check, count) -> {
      String severity = check.severity().word();
      page.raw("<tr><td><span class=\"tag " + severity + "\">" + severity + "</span><td>" + check.id()
          + "<td class=\"number\">%,d<td>".formatted(count)).text(check.todo()).raw("<details><summary>"
          + (count > Findings.EXAMPLES ? "show the first " + Findings.EXAMPLES : "show") + "</summary>");
      for (Finding f : findings.examples(check)) {
        page.raw("<code>").text(f.split() + ": " + f.subject() + " " + f.message()).raw("</code><br>");
      }
      page.raw("</details>\n");
    });
    page.raw("</table></div>\n<p class=\"muted\">Every finding is in findings.tsv beside this page.</p>\n");
  }

  private void overview(List<SplitSummary> splits) {
    page.heading("What there is").raw("<div class=\"scroll\"><table><tr><th>");
    splits.forEach(s -> page.raw("<th>").text(s.name));
    for (Overview.Row row : Overview.of(splits).rows()) {
      page.raw("\n<tr><td>").text(row.name());
      row.values().forEach(v -> page.raw("<td>").text(v));
    }
    page.raw("</table></div>\n");
  }

  private void speakers(List<SplitSummary> splits) {
    for (SplitSummary s : splits) {
      List<Map.Entry<String, Voices.Voice>> voices = s.voices.byMinutes();
      double most = voices.stream().mapToDouble(v -> v.getValue().seconds()).max().orElse(1);
      page.heading("Speakers of " + s.name + (voices.size() > SPEAKERS ? ", the first %d of %,d".formatted(SPEAKERS,
          voices.size()) : "")).raw("<div class=\"scroll\"><table><tr><th>speaker<th class=\"number\">utterances"
          + "<th class=\"number\">minutes<th class=\"number\">resemblance<th style=\"width:30%\">\n");
      for (Map.Entry<String, Voices.Voice> v : voices.subList(0, Math.min(SPEAKERS, voices.size()))) {
        double resemblance = v.getValue().resemblance();
        page.raw("<tr><td>").text(v.getKey()).raw("<td class=\"number\">%,d<td class=\"number\">%,.1f<td class=\"number\">%s"
            .formatted(v.getValue().utterances(), v.getValue().seconds() / 60,
                Double.isNaN(resemblance) ? "–" : "%.2f".formatted(resemblance))
            + "<td><div class=\"share\" style=\"width:%.1f%%\"></div>\n".formatted(100 * v.getValue().seconds() / most));
      }
      page.raw("</table></div>\n");
    }
    page.raw("<p class=\"muted\">Resemblance: mean cosine of the embeddings of all pairs of a speaker's utterances.</p>\n");
  }

  private void versions() {
    page.heading("Versions").raw("<table>");
    Versions.all().forEach((k, v) -> page.raw("<tr><td>").text(k).raw("<td>").text(v).raw("\n"));
    page.raw("</table>\n");
  }
}
