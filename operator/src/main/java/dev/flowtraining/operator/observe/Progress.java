package dev.flowtraining.operator.observe;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.operator.api.v1alpha1.Artifact;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.TrainingStatus;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the trainer wrote into the run's ConfigMap.
 *
 * @param report the last progress report, if there is a plausible one
 * @param shards the last report of each shard of a stage that several pods share, by its index
 * @param records for each stage that has ended, what it counted, as a sentence
 * @param trained how far training is, by the record of its end; only epochs, steps and validation losses
 * @param artifacts what the export stage lists
 * @param dropped how many values did not parse or were out of range
 */
public record Progress(Optional<Report> report, Map<Integer, Report> shards, Map<Stage, String> records,
    Optional<TrainingStatus> trained, List<Artifact> artifacts, int dropped) {

  private static final int MAX_ARTIFACTS = 200;
  private static final Pattern SHARD = Pattern.compile("shard-(\\d{1,4})\\.json");
  private static final ObjectMapper JSON = new ObjectMapper()
      .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);

  public static Progress none() {
    return new Progress(Optional.empty(), Map.of(), Map.of(), Optional.empty(), List.of(), 0);
  }

  /** Reads the data of the ConfigMap; the trainer is not trusted further than its values are plausible. */
  public static Progress parse(Map<String, String> data) {
    if (data == null || data.isEmpty()) {
      return none();
    }
    Optional<Report> report = report(data.get("progress.json"));
    int dropped = data.containsKey("progress.json") && report.isEmpty() ? 1 : 0;

    Map<Integer, Report> shards = new TreeMap<>();
    for (Map.Entry<String, String> entry : data.entrySet()) {
      Matcher key = SHARD.matcher(entry.getKey());
      if (key.matches()) {
        Optional<Report> shard = report(entry.getValue());
        shard.ifPresent(r -> shards.put(Integer.valueOf(key.group(1)), r));
        dropped += shard.isPresent() ? 0 : 1;
      }
    }

    Map<Stage, String> records = new EnumMap<>(Stage.class);
    for (Stage stage : Stage.inOrder()) {
      String text = data.get("stage-" + stage.id() + ".json");
      if (text != null) {
        Optional<JsonNode> record = read(text, new TypeReference<JsonNode>() { }).filter(JsonNode::isObject);
        record.ifPresent(r -> records.put(stage, counts(r)));
        dropped += record.isPresent() ? 0 : 1;
      }
    }

    Optional<List<Artifact>> artifacts = read(data.get("artifacts.json"), new TypeReference<List<Artifact>>() { })
        .filter(list -> list.size() <= MAX_ARTIFACTS && list.stream().allMatch(Progress::plausible));
    dropped += data.containsKey("artifacts.json") && artifacts.isEmpty() ? 1 : 0;
    return new Progress(report, Map.copyOf(shards), Map.copyOf(records), trained(data.get("stage-train.json")),
        artifacts.orElse(List.of()), dropped);
  }

  private static boolean isOf(Report report, String uid) {
    return report.runId() == null || report.runId().equals(uid);
  }

  private static Optional<Report> report(String text) {
    return read(text, new TypeReference<Report>() { }).filter(Report::plausible);
  }

  /** Without a report of another run: the ConfigMap may have been adopted from a deleted FlowTraining of this name. */
  public Progress ofRun(String uid) {
    Map<Integer, Report> own = new TreeMap<>(shards);
    own.values().removeIf(r -> !isOf(r, uid));
    return new Progress(report.filter(r -> isOf(r, uid)), Map.copyOf(own), records, trained, artifacts, dropped);
  }

  private static boolean plausible(Artifact artifact) {
    return artifact != null && artifact.name() != null && !artifact.name().isEmpty() && artifact.name().length() <= 256
        && artifact.path() != null && !artifact.path().startsWith("/") && artifact.path().length() <= 1024
        && artifact.bytes() != null && artifact.bytes() >= 0
        && artifact.sha256() != null && artifact.sha256().matches("[0-9a-f]{64}");
  }

  private static Optional<TrainingStatus> trained(String text) {
    return read(text, new TypeReference<JsonNode>() { }).map(r -> r.path("counts"))
        .filter(c -> c.path("epochs").isInt() && c.path("epochs").asInt() > 0 && c.path("steps").isIntegralNumber()
            && c.path("steps").asLong() >= 0)
        .map(c -> TrainingStatus.empty().trained(c.path("epochs").asInt(), c.path("steps").asLong(),
            loss(c.path("cvLoss")), loss(c.path("bestCvLoss"))));
  }

  private static Double loss(JsonNode value) {
    return value.isNumber() && Double.isFinite(value.asDouble()) ? Report.rounded(value.asDouble()) : null;
  }

  private static String counts(JsonNode record) {
    List<String> parts = new ArrayList<>();
    record.path("counts").properties().stream().limit(20)
        .filter(e -> e.getValue().isValueNode())
        .forEach(e -> parts.add(e.getKey() + " " + (e.getValue().isFloatingPointNumber()
            ? Report.rounded(e.getValue().asDouble()).toString() : e.getValue().asText())));
    if (record.path("seconds").isNumber()) {
      parts.add("%.0f s".formatted(record.path("seconds").asDouble()));
    }
    String text = String.join(", ", parts);
    return text.length() <= 512 ? text : text.substring(0, 512);
  }

  private static <T> Optional<T> read(String text, TypeReference<T> type) {
    if (text == null) {
      return Optional.empty();
    }
    try {
      return Optional.ofNullable(JSON.readValue(text, type));
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }
}
