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
import java.util.TreeMap;

/**
 * {@code train.log} for people, {@code metrics.jsonl} for the report, and what TensorBoard shows. The first two are
 * appended to by every attempt; after a resume steps may occur again, and the later line counts.
 */
final class TrainLog {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** By event and name of the value. */
  private static final Map<String, Map<String, String>> TAGS = Map.of(
      "step", Map.of("loss", "TRAIN/loss", "grad_norm", "TRAIN/grad_norm", "learning_rate", "TRAIN/lr", "epoch",
          "TRAIN/epoch", "frames_per_second", "TRAIN/frames_per_second", "data_wait", "TRAIN/data_wait"),
      "validation", Map.of("cv_loss", "CV/loss", "best_cv_loss", "CV/best_loss", "cv_constant_loss",
          "CV/constant_loss"),
      "streaming", Map.of("cv_streaming_loss", "CV/streaming_loss"),
      "probe", Map.of("mel_l1", "PROBE/mel_l1", "mean_mel_l1", "PROBE/mean_mel_l1", "seconds", "PROBE/seconds"));

  private final Path log;
  private final Path metrics;
  private final EventFile events;
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
    events = writes ? new EventFile(layout.tensorBoard(attempt)) : null;
  }

  void say(String line) {
    append(log, now() + " " + line);
  }

  /**
   * @param event {@code start}, {@code step}, {@code validation}, {@code streaming}, {@code probe}, {@code checkpoint} or
   *     {@code end}
   */
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
    if (writes) {
      scalars(event, values);
    }
  }

  void picture(long step, String tag, byte[] png) throws IOException {
    if (writes) {
      events.picture(step, tag, png);
    }
  }

  void audio(long step, String tag, byte[] wav) throws IOException {
    if (writes) {
      events.audio(step, tag, wav);
    }
  }

  /** Tags as CosyVoice's: {@code TRAIN/loss}, {@code CV/loss} and so on. */
  private void scalars(String event, Map<String, Object> values) {
    Map<String, String> tags = TAGS.getOrDefault(event, Map.of());
    Map<String, Number> scalars = new TreeMap<>();
    values.forEach((name, value) -> {
      if (tags.containsKey(name) && value instanceof Number number) {
        scalars.put(tags.get(name), number);
      }
    });
    try {
      long step = ((Number) values.get("step")).longValue();
      if (event.equals("start")) {
        events.start(step + 1);
      } else if (!scalars.isEmpty()) {
        events.scalars(step, scalars);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write TensorBoard's events", e);
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
