package dev.flowtraining.trainer.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.Versions;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.PresetDifference;
import dev.flowtraining.trainer.page.Canvas.Ink;
import dev.flowtraining.trainer.page.LineChart;
import dev.flowtraining.trainer.page.LineChart.Line;
import dev.flowtraining.trainer.page.Page;
import dev.flowtraining.trainer.synthesize.MelDistance;
import dev.flowtraining.trainer.synthesize.Speech;
import java.io.IOException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** {@code report.html}: one file that shows what was trained on what, how it went and what came out. */
final class Report {
  private static final YAMLMapper YAML = YAMLMapper.builder()
      .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
      .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER).enable(YAMLGenerator.Feature.MINIMIZE_QUOTES).build();
  private static final DateTimeFormatter DAY =
      DateTimeFormatter.ofPattern("d MMMM yyyy, HH:mm", Locale.ENGLISH).withZone(ZoneOffset.UTC);
  private static final String STYLE = """
      body { max-width: 62rem } h1 { margin-bottom: 0 } h1 + p { margin: 0 0 1rem }
      .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); gap: 1.25rem 2rem; align-items: start }
      .pair figure { margin: 0; min-width: 0 } figcaption { margin-top: .35rem }
      .listen { display: grid; grid-template-columns: auto 1fr; gap: .3rem .6rem; align-items: center; margin-top: .4rem; font-size: .85rem; color: #5b6775 }
      .steps { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .75rem } .steps figure { margin: 0 }
      .steps img { height: 5rem; image-rendering: pixelated } .steps figcaption { font-size: .8rem }
      td.number, th.number { text-align: right; font-variant-numeric: tabular-nums } td code { white-space: nowrap }
      .stages td { white-space: nowrap } .stages td:last-child { font-size: .85rem; color: #5b6775; white-space: normal }
      @media (max-width: 30rem) {
        .figures div { flex-basis: 6.5rem } body { font-size: 15px } table { font-size: .8rem }
        td { overflow-wrap: anywhere } td.number { overflow-wrap: normal } td code { white-space: normal }
        .stages tr { display: grid; grid-template-columns: 1fr auto } .stages th:last-child { display: none }
        .stages td { border: 0 } .stages td:last-child { grid-column: 1 / -1; border-bottom: 1px solid #e3e7ec; padding-top: 0 }
      }
      @media print {
        @page { margin: 14mm } body { max-width: none; padding: 0; font-size: 9.5pt } .listen { display: none }
        .pair { grid-template-columns: 1fr 1fr } figure, tr, .figures, .steps { break-inside: avoid } h2, h2 + p { break-after: avoid }
        .figures div, pre { background: none; border: 1px solid #d5dae1 } pre { white-space: pre-wrap; font-size: 7pt }
        td code { white-space: normal; font-size: 6.5pt } * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
      }
      """;

  private final Page page;
  private final RunLayout layout;
  private final History history;

  private Report(Page page, RunLayout layout, History history) {
    this.page = page;
    this.layout = layout;
    this.history = history;
  }

  /**
   * @param heldOut what the model made of held-out utterances
   * @param samples those of them that are shown
   * @param listening audio of the samples
   */
  static String of(RunLayout layout, FlowConfig config, List<Speech> heldOut, List<Speech> samples,
      Listening listening, List<Artifact> artifacts) throws IOException {
    Path name = layout.root().getFileName();
    Report r = new Report(new Page(name == null ? "run" : name.toString(), "flow model", STYLE), layout,
        History.read(layout.metrics()));
    r.figures(heldOut);
    listening.write(r.page, samples);
    r.curves();
    listening.steps(r.page, layout);
    new DataSection(r.page, layout).write();
    r.settings(config);
    r.stages();
    r.environment();
    r.artifacts(artifacts);
    r.config(config);
    return r.page.finish();
  }

  private void figures(List<Speech> heldOut) throws IOException {
    Map<String, Object> train = counts(Stage.TRAIN);
    page.raw("<p class=\"muted\">Flow (token2mel) model of Step-Audio-EditX").text(
        StageRecord.read(layout, Stage.TRAIN).map(r -> ", trained until " + day(r.completedAt())).orElse(""))
        .raw("</p>\n");
    Map<String, String> figures = new LinkedHashMap<>();
    double loss = history.last("validation.cv_loss");
    figures.put("validation loss", number(loss));
    if (Double.isFinite(loss / history.last("validation.cv_constant_loss"))) {
      figures.put("of the best constant predictor's",
          "%.0f %%".formatted(100 * loss / history.last("validation.cv_constant_loss")));
    }
    if (!heldOut.isEmpty()) {
      MelDistance distance = MelDistance.of(heldOut);
      figures.put("mel L1 of %d held-out utterances".formatted(heldOut.size()), number(distance.l1()));
      figures.put("of the mean mel's", "%.0f %%".formatted(100 * distance.ratio()));
    }
    figures.put("optimizer steps", text(train.getOrDefault("steps", "–")));
    figures.put("epochs", text(train.getOrDefault("epochs", "–")));
    figures.put("parameters", text(train.getOrDefault("parameters", "–")));
    if (history.seconds() > 0) {
      figures.put("training time", duration(history.seconds()));
    }
    page.figures(figures);
  }

  private void curves() {
    page.heading("Training").raw("<div class=\"pair\">\n");
    figure(new LineChart("loss", List.of(new Line("training", history.curve("step.loss"), Ink.BLUE, true),
        new Line("validation", history.curve("validation.cv_loss"), Ink.RED, false),
        new Line("best constant", history.curve("validation.cv_constant_loss"), Ink.TEXT, true)), false));
    if (!history.curve("probe.mel_l1").isEmpty()) {
      figure(new LineChart("mel L1 of probes", List.of(new Line("model", history.curve("probe.mel_l1"), Ink.RED, false),
          new Line("mean mel", history.curve("probe.mean_mel_l1"), Ink.TEXT, true)), true));
    }
    figure(new LineChart("learning rate",
        List.of(new Line("", history.curve("step.learning_rate"), Ink.BLUE, false)), true));
    figure(new LineChart("mel frames per second",
        List.of(new Line("", history.curve("step.frames_per_second"), Ink.BLUE, true)), true));
    page.raw("</div>\n");
  }

  private void figure(LineChart chart) {
    page.raw("<figure>" + chart.svg() + "</figure>\n");
  }

  private void settings(FlowConfig config) {
    PresetDifference difference = PresetDifference.of(config);
    page.heading("Settings").raw("<p class=\"muted\">").text(difference.rows().isEmpty()
        ? "All as in the preset " + difference.preset() + "." : "What differs from the preset " + difference.preset()
        + ", the nearest one; the whole config stands at the end.").raw("</p>\n");
    if (!difference.rows().isEmpty()) {
      page.raw("<div class=\"scroll\"><table><tr><th>setting<th class=\"number\">preset"
          + "<th class=\"number\">this run\n");
      difference.rows().forEach(row -> page.raw("<tr><td>").text(row.setting()).raw("<td class=\"number\">")
          .text(row.preset()).raw("<td class=\"number\">").text(row.here()).raw("\n"));
      page.raw("</table></div>\n");
    }
  }

  private void stages() throws IOException {
    page.heading("Stages").raw("<div class=\"scroll\"><table class=\"stages\"><tr><th>stage"
        + "<th class=\"number\">time<th>\n");
    for (Stage stage : Stage.values()) {
      Optional<StageRecord> record = stage == Stage.CHECK ? Optional.empty() : StageRecord.read(layout, stage);
      if (record.isPresent()) {
        page.raw("<tr><td>").text(stage.id()).raw("<td class=\"number\">")
            .text(duration(record.get().seconds())).raw("<td>");
        record.get().counts().forEach((k, v) -> page.text(words(k)).raw("&nbsp;").text(text(v)).raw(" &ensp;"));
        page.raw("\n");
      }
    }
    page.raw("</table></div>\n");
  }

  private void environment() throws IOException {
    Map<String, String> versions = new LinkedHashMap<>();
    Map<String, Object> train = counts(Stage.TRAIN);
    for (String key : List.of("device", "ranks", "precision")) {
      if (train.containsKey(key)) {
        versions.put(key, text(train.get(key)));
      }
    }
    versions.putAll(StageRecord.read(layout, Stage.TRAIN).map(StageRecord::versions).filter(v -> !v.isEmpty())
        .orElse(Versions.all()));
    page.heading("Environment of the training").raw("<table>");
    versions.forEach((k, v) -> page.raw("<tr><td>").text(k).raw("<td>").text(v).raw("\n"));
    page.raw("</table>\n");
  }

  private void artifacts(List<Artifact> artifacts) {
    page.heading("Files").raw("<div class=\"scroll\"><table><tr><th>file<th class=\"number\">bytes<th>SHA-256\n");
    for (Artifact a : artifacts) {
      page.raw("<tr><td>").text(a.path()).raw("<td class=\"number\">%,d<td><code>".formatted(a.bytes())).raw(a.sha256())
          .raw("</code>\n");
    }
    page.raw("</table></div>\n");
  }

  private void config(FlowConfig config) throws JsonProcessingException {
    page.heading("Whole config").raw("<pre>").text(YAML.writeValueAsString(config)).raw("</pre>\n");
  }

  private Map<String, Object> counts(Stage stage) throws IOException {
    return StageRecord.read(layout, stage).map(StageRecord::counts).orElse(Map.of());
  }

  private static String number(double value) {
    return Double.isFinite(value) ? "%.4f".formatted(value) : "–";
  }

  private static String duration(double seconds) {
    return seconds < 90 ? "%.1f s".formatted(seconds) : seconds < 5400 ? "%.1f min".formatted(seconds / 60)
        : "%.1f h".formatted(seconds / 3600);
  }

  private static String day(String time) {
    try {
      return DAY.format(Instant.parse(time)) + " UTC";
    } catch (DateTimeException e) {
      return time;
    }
  }

  /** {@code cvConstantLoss} becomes {@code cv constant loss}. */
  private static String words(String camelCase) {
    return camelCase.replaceAll("(?<=[a-z])([A-Z])(?!z)", " $1").toLowerCase(Locale.ROOT);
  }

  private static String text(Object value) {
    return switch (value) {
      case Integer n -> "%,d".formatted(n);
      case Long n -> "%,d".formatted(n);
      case Double d -> "%.4g".formatted(d);
      case Map<?, ?> m when m.isEmpty() -> "none";
      case null -> "–";
      default -> value.toString();
    };
  }
}
