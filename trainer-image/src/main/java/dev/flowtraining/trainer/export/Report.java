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
import java.io.IOException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code report.html}: one file that shows what was trained on what, how it went and what came out. */
final class Report {
  private static final YAMLMapper YAML = YAMLMapper.builder()
      .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
      .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER).enable(YAMLGenerator.Feature.MINIMIZE_QUOTES).build();
  private static final String STYLE = """
      :root { color-scheme: light }
      body { font: 16px/1.5 system-ui, sans-serif; color: #1c2530; background: #fff; max-width: 46rem; margin: 0 auto; padding: 1rem }
      h1 { font-size: 1.4rem; margin: .5rem 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
      .muted, figcaption { color: #5b6775; font-size: .9rem }
      .figures { display: flex; flex-wrap: wrap; gap: .75rem } .figures div { flex: 1 1 8rem; background: #f3f5f8; border-radius: .5rem; padding: .6rem .8rem }
      .figures b { display: block; font-size: 1.2rem }
      figure { margin: 1rem 0 } img, svg { width: 100%; height: auto; display: block } audio { width: 100%; height: 2.2rem }
      svg text { font: 12px system-ui, sans-serif; fill: #5b6775 } .grid { stroke: #e3e7ec }
      polyline { fill: none; stroke-width: 2 } polyline.training { stroke: #9db4d6; stroke-width: 1.5 } polyline.validation { stroke: #c2410c }
      polyline.constant { stroke: #8a95a3; stroke-dasharray: 5 5 } circle.validation { fill: #c2410c }
      .scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; width: 100% }
      td, th { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e3e7ec; vertical-align: top }
      code, pre { font: .8rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere } pre { background: #f3f5f8; border-radius: .5rem; padding: .8rem; overflow-x: auto }
      """;

  private final StringBuilder html = new StringBuilder();

  private Report() {}

  static String of(RunLayout layout, FlowConfig config, List<SampleMel> samples, List<String> audio, List<Artifact> artifacts)
      throws IOException {
    Report r = new Report();
    String title = escape(layout.root().getFileName() == null ? "run" : layout.root().getFileName().toString());
    r.html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>" + title
        + ": flow model</title>\n<style>\n" + STYLE + "</style></head><body>\n<h1>" + title + "</h1>\n");
    LossCurve curve = LossCurve.read(layout.metrics());
    r.figures(layout, curve);
    r.curve(curve);
    r.samples(samples, audio);
    r.stages(layout);
    r.artifacts(artifacts);
    r.versions();
    r.config(config);
    return r.html.append("</body></html>\n").toString();
  }

  private void figures(RunLayout layout, LossCurve curve) throws IOException {
    Map<String, Object> train = StageRecord.read(layout, Stage.TRAIN).map(StageRecord::counts).orElse(Map.of());
    html.append("<p class=\"muted\">Flow (token2mel) model of Step-Audio-EditX</p>\n<div class=\"figures\">");
    figure("validation loss", curve.validation().isEmpty() ? "–" : "%.4f".formatted(curve.validation().lastEntry().getValue()));
    if (!curve.validation().isEmpty() && !curve.constant().isEmpty()) {
      figure("of the best constant predictor's", "%.0f %%".formatted(
          100 * curve.validation().lastEntry().getValue() / curve.constant().lastEntry().getValue()));
    }
    figure("optimizer steps", text(train.getOrDefault("steps", "–")));
    figure("epochs", text(train.getOrDefault("epochs", "–")));
    figure("parameters", text(train.getOrDefault("parameters", "–")));
    html.append("</div>\n");
  }

  private void figure(String name, String value) {
    html.append("<div><b>").append(escape(value)).append("</b><span class=\"muted\">").append(escape(name)).append("</span></div>");
  }

  private void curve(LossCurve curve) {
    html.append("<h2>Loss by optimizer step</h2>\n");
    html.append(curve.isEmpty() ? "<p class=\"muted\">No metrics were recorded.</p>\n" : "<figure>" + curve.svg()
        + "<figcaption>blue: training, red: validation, dashed: the best constant predictor on the validation data"
        + "</figcaption></figure>\n");
  }

  /** @param audio beside each sample the real and the predicted file, relative to the report */
  private void samples(List<SampleMel> samples, List<String> audio) throws IOException {
    if (samples.isEmpty()) {
      return;
    }
    html.append("<h2>Held-out utterances</h2>\n<p class=\"muted\">Above the real mel spectrogram, below the one that the"
        + " model makes from tokens and speaker. The audio is made from both by Griffin-Lim, without a vocoder.</p>\n");
    for (int i = 0; i < samples.size(); i++) {
      SampleMel s = samples.get(i);
      html.append("<figure><img alt=\"real and predicted mel\" src=\"data:image/png;base64,")
          .append(Base64.getEncoder().encodeToString(MelPicture.png(s))).append("\"><figcaption>").append(escape(s.utt()))
          .append(", mean difference %.2f</figcaption>".formatted(s.l1()));
      for (String file : audio.subList(2 * i, 2 * i + 2)) {
        html.append("<audio controls preload=\"none\" src=\"").append(escape(file)).append("\"></audio>");
      }
      html.append("</figure>\n");
    }
  }

  private void stages(RunLayout layout) throws IOException {
    html.append("<h2>Stages</h2>\n<div class=\"scroll\"><table><tr><th>stage<th>seconds<th>counts\n");
    for (Stage stage : Stage.values()) {
      Optional<StageRecord> record = stage == Stage.CHECK ? Optional.empty() : StageRecord.read(layout, stage);
      if (record.isPresent()) {
        html.append("<tr><td>").append(stage.id()).append("<td>%.1f<td>".formatted(record.get().seconds()));
        record.get().counts().forEach((k, v) -> html.append(escape(k)).append(": ").append(escape(text(v))).append("<br>"));
        html.append("\n");
      }
    }
    html.append("</table></div>\n");
  }

  private void artifacts(List<Artifact> artifacts) {
    html.append("<h2>Files</h2>\n<div class=\"scroll\"><table><tr><th>file<th>bytes<th>SHA-256\n");
    for (Artifact a : artifacts) {
      html.append("<tr><td>").append(escape(a.path())).append("<td>%,d<td><code>".formatted(a.bytes())).append(a.sha256())
          .append("</code>\n");
    }
    html.append("</table></div>\n");
  }

  private void versions() {
    html.append("<h2>Versions</h2>\n<table>");
    Versions.all().forEach((k, v) -> html.append("<tr><td>").append(escape(k)).append("<td>").append(escape(v)).append("\n"));
    html.append("</table>\n");
  }

  private void config(FlowConfig config) throws JsonProcessingException {
    html.append("<h2>Config</h2>\n<pre>").append(escape(YAML.writeValueAsString(config))).append("</pre>\n");
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

  static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
  }
}
