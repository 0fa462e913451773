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
import dev.flowtraining.trainer.page.Page;
import dev.flowtraining.trainer.synthesize.MelPicture;
import dev.flowtraining.trainer.synthesize.Speech;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code report.html}: one file that shows what was trained on what, how it went and what came out. */
final class Report {
  private static final YAMLMapper YAML = YAMLMapper.builder()
      .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
      .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER).enable(YAMLGenerator.Feature.MINIMIZE_QUOTES).build();
  private static final String STYLE = """
      polyline { fill: none; stroke-width: 2 } polyline.training { stroke: #9db4d6; stroke-width: 1.5 } polyline.validation { stroke: #c2410c }
      polyline.constant { stroke: #8a95a3; stroke-dasharray: 5 5 } circle.validation { fill: #c2410c }
      """;

  private final Page page;

  private Report(Page page) {
    this.page = page;
  }

  static String of(RunLayout layout, FlowConfig config, List<Speech> samples, List<String> audio, List<Artifact> artifacts)
      throws IOException {
    Path name = layout.root().getFileName();
    Report r = new Report(new Page(name == null ? "run" : name.toString(), "flow model", STYLE));
    LossCurve curve = LossCurve.read(layout.metrics());
    r.figures(layout, curve);
    r.curve(curve);
    r.samples(samples, audio);
    r.stages(layout);
    r.artifacts(artifacts);
    r.versions();
    r.config(config);
    return r.page.finish();
  }

  private void figures(RunLayout layout, LossCurve curve) throws IOException {
    Map<String, Object> train = StageRecord.read(layout, Stage.TRAIN).map(StageRecord::counts).orElse(Map.of());
    page.raw("<p class=\"muted\">Flow (token2mel) model of Step-Audio-EditX</p>\n");
    Map<String, String> figures = new LinkedHashMap<>();
    figures.put("validation loss", curve.validation().isEmpty() ? "–" : "%.4f".formatted(curve.validation().lastEntry().getValue()));
    if (!curve.validation().isEmpty() && !curve.constant().isEmpty()) {
      figures.put("of the best constant predictor's", "%.0f %%".formatted(
          100 * curve.validation().lastEntry().getValue() / curve.constant().lastEntry().getValue()));
    }
    figures.put("optimizer steps", text(train.getOrDefault("steps", "–")));
    figures.put("epochs", text(train.getOrDefault("epochs", "–")));
    figures.put("parameters", text(train.getOrDefault("parameters", "–")));
    page.figures(figures);
  }

  private void curve(LossCurve curve) {
    page.heading("Loss by optimizer step");
    page.raw(curve.isEmpty() ? "<p class=\"muted\">No metrics were recorded.</p>\n" : "<figure>" + curve.svg()
        + "<figcaption>blue: training, red: validation, dashed: the best constant predictor on the validation data"
        + "</figcaption></figure>\n");
  }

  /** @param audio beside each sample the real and the predicted file, relative to the report */
  private void samples(List<Speech> samples, List<String> audio) throws IOException {
    if (samples.isEmpty()) {
      return;
    }
    page.raw("<h2>Held-out utterances</h2>\n<p class=\"muted\">Above the real mel spectrogram, below the one that the"
        + " model makes from tokens and speaker. The audio is made from both by Griffin-Lim, without a vocoder.</p>\n");
    for (int i = 0; i < samples.size(); i++) {
      Speech s = samples.get(i);
      page.raw("<figure>").raw(MelPicture.svg(s)).raw("<figcaption>").raw(Page.escape(s.utt()))
          .raw(", mean difference %.2f</figcaption>".formatted(s.l1()));
      for (String file : audio.subList(2 * i, 2 * i + 2)) {
        page.raw("<audio controls preload=\"none\" src=\"").raw(Page.escape(file)).raw("\"></audio>");
      }
      page.raw("</figure>\n");
    }
  }

  private void stages(RunLayout layout) throws IOException {
    page.raw("<h2>Stages</h2>\n<div class=\"scroll\"><table><tr><th>stage<th>seconds<th>counts\n");
    for (Stage stage : Stage.values()) {
      Optional<StageRecord> record = stage == Stage.CHECK ? Optional.empty() : StageRecord.read(layout, stage);
      if (record.isPresent()) {
        page.raw("<tr><td>").raw(stage.id()).raw("<td>%.1f<td>".formatted(record.get().seconds()));
        record.get().counts().forEach((k, v) -> page.raw(Page.escape(k)).raw(": ").raw(Page.escape(text(v))).raw("<br>"));
        page.raw("\n");
      }
    }
    page.raw("</table></div>\n");
  }

  private void artifacts(List<Artifact> artifacts) {
    page.raw("<h2>Files</h2>\n<div class=\"scroll\"><table><tr><th>file<th>bytes<th>SHA-256\n");
    for (Artifact a : artifacts) {
      page.raw("<tr><td>").raw(Page.escape(a.path())).raw("<td>%,d<td><code>".formatted(a.bytes())).raw(a.sha256())
          .raw("</code>\n");
    }
    page.raw("</table></div>\n");
  }

  private void versions() {
    page.raw("<h2>Versions</h2>\n<table>");
    Versions.all().forEach((k, v) -> page.raw("<tr><td>").raw(Page.escape(k)).raw("<td>").raw(Page.escape(v)).raw("\n"));
    page.raw("</table>\n");
  }

  private void config(FlowConfig config) throws JsonProcessingException {
    page.raw("<h2>Config</h2>\n<pre>").raw(Page.escape(YAML.writeValueAsString(config))).raw("</pre>\n");
  }

  private static String text(Object value) {
    return switch (value) {
      case Integer n -> "%,d".formatted(n);
      case Long n -> "%,d".formatted(n);
      case Double d -> "%.4g".formatted(d);
      case null -> "–";
      default -> value.toString();
    };
  }
}
