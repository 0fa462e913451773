package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.RunLayout;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code train.log} for people and {@code metrics.jsonl} for the report. Both are appended to by every attempt; after a
 * resume steps may occur again, and the later line counts.
 */
final class TrainLog {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path log;
  private final Path metrics;
  private final boolean writes;
  private final int attempt;

  /** @param writes only rank 0 does */
  TrainLog(RunLayout layout, int attempt, boolean writes) throws IOException {
    log = layout.trainLog();
    metrics = layout.metrics();
    this.attempt = attempt;
    this.writes = writes;
    if (writes) {
      Files.createDirectories(layout.experiment());
    }
  }

  void say(String line) {
    append(log, now() + " " + line);
  }

  /** @param event {@code start}, {@code step}, {@code validation}, {@code checkpoint} or {@code end} */
  void metric(String event, Map<String, Object> values) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("time", now());
    line.put("event", event);
    line.put("attempt", attempt);
    line.putAll(values);
    try {
      append(metrics, JSON.writeValueAsString(line));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not plain values: " + values, e);
    }
  }

  private static String now() {
    return Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
  }

  private void append(Path file, String line) {
    if (!writes) {
      return;
    }
    try {
      Files.write(file, (line + "\n").getBytes(StandardCharsets.UTF_8), StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }
}
