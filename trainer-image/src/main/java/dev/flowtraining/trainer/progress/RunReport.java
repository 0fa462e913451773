package dev.flowtraining.trainer.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Stage;
import java.io.PrintStream;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Says how far a run is: a bar on a terminal, elsewhere a line of JSON every ten seconds, and the run's ConfigMap.
 * Thread-safe.
 */
public final class RunReport implements Progress, AutoCloseable {
  private static final Duration BETWEEN_LINES = Duration.ofSeconds(10);
  private static final int BAR = 30;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String key;
  private final String runId;
  private final int attempt;
  private final PrintStream out;
  private final boolean terminal;
  private final Optional<KubernetesConfigMap> configMap;
  private final Clock clock;

  private Stage stage;
  private Instant started;
  private double startedAt;
  private Instant lastLine = Instant.MIN;
  private boolean barOpen;
  private Long step;
  /** What the stage has said so far: an update that does not mention the loss does not unsay it. */
  private final Map<String, Object> known = new LinkedHashMap<>();

  /** Reports under {@code progress.json}. */
  public RunReport(String runId, int attempt, PrintStream out, boolean terminal, Optional<KubernetesConfigMap> configMap,
      Clock clock) {
    this("progress.json", runId, attempt, out, terminal, configMap, clock);
  }

  /**
   * @param key of the ConfigMap under which this process reports: shards of a stage report side by side
   * @param runId the FlowTraining's uid: a report that is left of a deleted one does not count for the next
   * @param terminal whether a person is looking: then a bar is drawn instead of lines of JSON
   */
  public RunReport(String key, String runId, int attempt, PrintStream out, boolean terminal,
      Optional<KubernetesConfigMap> configMap, Clock clock) {
    this.key = key;
    this.runId = runId;
    this.attempt = attempt;
    this.out = out;
    this.terminal = terminal;
    this.configMap = configMap;
    this.clock = clock;
  }

  @Override
  public synchronized void update(Stage of, double fraction, String message, Map<String, Object> fields) {
    Instant now = clock.instant();
    double part = Math.clamp(Double.isNaN(fraction) ? 0 : fraction, 0, 1);
    if (of != stage) {
      stage = of;
      started = now;
      startedAt = part;
      lastLine = Instant.MIN;
      known.clear();
    }
    Object checkpoint = known.get("checkpoint");
    known.putAll(fields);
    if (fields.get("step") instanceof Number n) {
      step = n.longValue();
    }
    Map<String, Object> progress = new LinkedHashMap<>();
    progress.put("runId", runId);
    progress.put("stage", of.id());
    progress.put("attempt", attempt);
    progress.put("time", now.truncatedTo(ChronoUnit.MILLIS).toString());
    progress.put("fraction", Math.round(part * 1e4) / 1e4);
    progress.put("message", message);
    progress.putAll(known);
    completion(now, part).ifPresent(t -> progress.putIfAbsent("estimatedCompletion", t.toString()));
    String json = json(progress);
    // a restart goes on from the last checkpoint that the operator knows
    boolean important = part >= 1 || !Objects.equals(checkpoint, known.get("checkpoint"));
    configMap.ifPresent(map -> map.put(key, json, important));
    show(now, part, message, json);
  }

  /** When the stage will be done if it goes on as until now; empty as long as that is a guess. */
  private Optional<Instant> completion(Instant now, double part) {
    double done = part - startedAt;
    long elapsed = Duration.between(started, now).toMillis();
    if (done < 0.01 || elapsed < 1000) {
      return Optional.empty();
    }
    return Optional.of(now.plusMillis((long) (elapsed * (1 - part) / done)).truncatedTo(ChronoUnit.SECONDS));
  }

  private void show(Instant now, double part, String message, String json) {
    if (terminal) {
      int filled = (int) Math.round(part * BAR);
      out.printf("\r\u001b[K%-18s [%s%s] %3.0f%%  %s", stage.id(), "#".repeat(filled), " ".repeat(BAR - filled),
          100 * part, message);
      barOpen = part < 1;
      if (!barOpen) {
        out.println();
      }
      out.flush();
    } else if (part >= 1 || lastLine == Instant.MIN || !now.isBefore(lastLine.plus(BETWEEN_LINES))) {
      lastLine = now;
      out.println(json);
    }
  }

  /** Puts a whole document under a key of the ConfigMap, such as {@code stage-train.json}. */
  public void publish(String key, String document) {
    configMap.ifPresent(map -> map.put(key, document, true));
  }

  /** Ends a bar that is being drawn. */
  @Override
  public synchronized void say(String line) {
    if (barOpen) {
      out.println();
      barOpen = false;
    }
    out.println(line);
  }

  /** The last optimizer step that was reported, for the termination message. */
  public synchronized Optional<Long> step() {
    return Optional.ofNullable(step);
  }

  private static String json(Map<String, Object> values) {
    try {
      return JSON.writeValueAsString(values);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("progress is not made of plain values: " + values, e);
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      if (barOpen) {
        out.println();
        barOpen = false;
      }
    }
    configMap.ifPresent(KubernetesConfigMap::close);
  }
}
