package dev.flowtraining.trainer.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.page.Ticks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The losses of a run by optimizer step, from {@code metrics.jsonl}; of a step that was done twice the later line counts.
 *
 * @param training loss of log intervals
 * @param validation loss at the ends of epochs
 * @param constant loss of the best constant predictor on the validation data
 */
record LossCurve(TreeMap<Long, Double> training, TreeMap<Long, Double> validation, TreeMap<Long, Double> constant) {
  private static final int WIDTH = 720;
  private static final int HEIGHT = 300;
  private static final int LEFT = 48;
  private static final int BOTTOM = 28;
  private static final int TOP = 10;

  /** Lines that do not parse are passed over: the last one may be cut off by a kill. */
  static LossCurve read(Path metrics) throws IOException {
    LossCurve curve = new LossCurve(new TreeMap<>(), new TreeMap<>(), new TreeMap<>());
    if (Files.exists(metrics)) {
      ObjectMapper json = new ObjectMapper();
      for (String line : Files.readAllLines(metrics)) {
        try {
          curve.add(json.readTree(line));
        } catch (JsonProcessingException e) {
          continue;
        }
      }
    }
    return curve;
  }

  private void add(JsonNode line) {
    if (line == null || !line.path("step").canConvertToLong()) {
      return;
    }
    long step = line.path("step").asLong();
    switch (line.path("event").asText()) {
      case "step" -> put(training, step, line.path("loss"));
      case "validation" -> {
        put(validation, step, line.path("cv_loss"));
        put(constant, step, line.path("cv_constant_loss"));
      }
      default -> { }
    }
  }

  private static void put(TreeMap<Long, Double> series, long step, JsonNode value) {
    if (value.isNumber() && Double.isFinite(value.asDouble())) {
      series.put(step, value.asDouble());
    }
  }

  boolean isEmpty() {
    return training.isEmpty() && validation.isEmpty();
  }

  /** A drawing that scales with the page. */
  String svg() {
    List<Double> all = Stream.of(training, validation, constant).map(TreeMap::values).flatMap(Collection::stream).sorted().toList();
    long last = Stream.of(training, validation).filter(s -> !s.isEmpty()).mapToLong(TreeMap::lastKey).max().orElse(1);
    // the first steps of a random start would squeeze all the rest into one line
    double high = 1.05 * all.get(Math.min(all.size() - 1, (int) (all.size() * 0.98)));
    double low = Math.max(0, all.getFirst() - 0.1 * (high - all.getFirst()));
    StringBuilder svg = new StringBuilder("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"loss by step\">\n"
        .formatted(WIDTH, HEIGHT));
    for (double tick : Ticks.between(low, high)) {
      double y = y(tick, low, high);
      svg.append("<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>".formatted(LEFT, WIDTH, y, y))
          .append("<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n".formatted(LEFT - 6, y + 4, Ticks.label(tick)));
    }
    for (double tick : Ticks.between(0, last)) {
      svg.append("<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n".formatted(x((long) tick, last), HEIGHT - 8,
          tick == 0 ? "start" : tick > 0.95 * last ? "end" : "middle", Ticks.label(tick)));
    }
    svg.append(line("constant", constant, last, low, high)).append(line("training", training, last, low, high))
        .append(line("validation", validation, last, low, high));
    return svg.append("</svg>").toString();
  }

  private static String line(String name, TreeMap<Long, Double> series, long last, double low, double high) {
    List<String> points = new ArrayList<>();
    for (Map.Entry<Long, Double> p : series.entrySet()) {
      points.add("%.1f,%.1f".formatted(x(p.getKey(), last), y(Math.min(p.getValue(), high), low, high)));
    }
    StringBuilder svg = new StringBuilder("<polyline class=\"%s\" points=\"%s\"/>\n".formatted(name, String.join(" ", points)));
    if (name.equals("validation") && points.size() <= 60) {
      points.forEach(p -> svg.append("<circle class=\"validation\" cx=\"%s\" cy=\"%s\" r=\"3\"/>"
          .formatted(p.split(",")[0], p.split(",")[1])));
    }
    return svg.toString();
  }

  private static double x(long step, long last) {
    return LEFT + (double) (WIDTH - LEFT - 6) * step / Math.max(last, 1);
  }

  private static double y(double loss, double low, double high) {
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (loss - low) / Math.max(high - low, 1e-9);
  }
}
