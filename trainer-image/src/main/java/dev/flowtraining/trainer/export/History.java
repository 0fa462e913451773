package dev.flowtraining.trainer.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What {@code metrics.jsonl} says, as curves by optimizer step. Where an attempt went on from a checkpoint, what was
 * said of later steps before it is void; of a step that was done twice the later line counts.
 */
final class History {
  private final Map<String, TreeMap<Long, Double>> curves = new HashMap<>();
  private double seconds;
  private Instant before;

  private History() {}

  /** Lines that do not parse are passed over: the last one may be cut off by a kill. */
  static History read(Path metrics) throws IOException {
    History history = new History();
    ObjectMapper json = new ObjectMapper();
    for (String line : Files.exists(metrics) ? Files.readAllLines(metrics) : List.<String>of()) {
      try {
        history.add(json.readTree(line));
      } catch (JsonProcessingException e) {
        continue;
      }
    }
    return history;
  }

  private void add(JsonNode line) {
    if (line == null || !line.path("step").canConvertToLong()) {
      return;
    }
    long step = line.path("step").asLong();
    String event = line.path("event").asText();
    clock(line.path("time").asText(""), event.equals("start"));
    if (event.equals("start")) {
      curves.values().forEach(curve -> curve.tailMap(step, false).clear());
      return;
    }
    line.properties().forEach(p -> {
      if (p.getValue().isNumber() && Double.isFinite(p.getValue().asDouble())) {
        curves.computeIfAbsent(event + "." + p.getKey(), k -> new TreeMap<>()).put(step, p.getValue().asDouble());
      }
    });
  }

  /** What lies between two lines is training, unless a new start lies between them. */
  private void clock(String time, boolean start) {
    if (!time.isEmpty()) {
      Instant now = Instant.parse(time);
      seconds += start || before == null ? 0 : Duration.between(before, now).toMillis() / 1e3;
      before = now;
    }
  }

  /** How long it was trained, over all starts. */
  double seconds() {
    return seconds;
  }

  /** @param name event and value, such as {@code step.loss} */
  TreeMap<Long, Double> curve(String name) {
    return curves.getOrDefault(name, new TreeMap<>());
  }

  /** The last value, or NaN. */
  double last(String name) {
    return curve(name).isEmpty() ? Double.NaN : curve(name).lastEntry().getValue();
  }
}
