package dev.flowtraining.trainer;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What a stage leaves at its end, as {@code <stage>.json} in the run directory and in the run's ConfigMap.
 *
 * @param stage the stage's name
 * @param inputHash SHA-256 of all that determines the result; the stage is skipped while it stays the same
 * @param outputHash SHA-256 that stands for the result in the next stage's input hash
 * @param counts what was done
 * @param seconds wall time
 * @param versions of the software that did it
 * @param completedAt ISO 8601, UTC
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record StageRecord(
    String stage,
    String inputHash,
    String outputHash,
    Map<String, Object> counts,
    double seconds,
    Map<String, String> versions,
    String completedAt) {

  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** The stage's record, empty when it has none or one that does not parse: then the stage simply runs again. */
  public static Optional<StageRecord> read(RunLayout layout, Stage stage) throws IOException {
    Path file = layout.stageRecord(stage);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      StageRecord record = JSON.readValue(file.toFile(), StageRecord.class);
      return record.inputHash() == null || record.outputHash() == null ? Optional.empty() : Optional.of(record);
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }

  /** The record of a stage that has to have run before. */
  public static StageRecord require(RunLayout layout, Stage stage) throws IOException {
    return read(layout, stage).orElseThrow(() -> new StageFailure(ExitCode.MISSING,
        stage.number() <= Stage.PARQUET.number() ? "NoData" : "NoCheckpoint",
        "stage " + stage.id() + " has not been completed in " + layout.root()
            + "; run it first (flow-trainer " + stage.id() + "), or give the run directory that has its results"));
  }

  public void write(RunLayout layout) throws IOException {
    WholeFile.text(layout.stageRecord(Stage.of(stage)), json() + "\n");
  }

  public String json() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("counts of stage " + stage + " are not plain values", e);
    }
  }
}
