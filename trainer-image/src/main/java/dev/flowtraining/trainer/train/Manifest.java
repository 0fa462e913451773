package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What makes files a checkpoint: written last, with the size and SHA-256 of each. Files without a manifest that agrees
 * with them are no checkpoint.
 *
 * @param checkpoint the weights' file name
 * @param cursor where the run goes on
 * @param cvLoss validation loss of these weights, null where they were not validated
 * @param microBatchesPerStep of the plan that the cursor counts in
 * @param settings see {@link Settings#binding}
 * @param data SHA-256 of the training data
 * @param resumedFrom the checkpoint that the attempt started from, relative to the run directory, or null
 * @param time ISO 8601, UTC
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record Manifest(
    String checkpoint, Cursor cursor, Double cvLoss, int microBatchesPerStep, Map<String, String> settings, String data,
    String resumedFrom, String time, List<Entry> files) {

  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  record Entry(String name, long bytes, String sha256) {}

  static Manifest read(Path file) throws IOException {
    Manifest manifest = JSON.readValue(file.toFile(), Manifest.class);
    if (manifest.checkpoint == null || manifest.cursor == null || manifest.files == null) {
      throw new IOException(file + " is no manifest of a checkpoint");
    }
    return manifest;
  }

  void write(Path file) throws IOException {
    WholeFile.text(file, JSON.writeValueAsString(this) + "\n");
  }

  /** What is wrong with the files beside it, or null when all are as they were written. */
  String flaw(Path folder) throws IOException {
    for (Entry entry : files) {
      Path file = folder.resolve(entry.name);
      if (!Files.isRegularFile(file)) {
        return entry.name + " is missing";
      }
      if (Files.size(file) != entry.bytes) {
        return entry.name + " has " + Files.size(file) + " of " + entry.bytes + " bytes";
      }
      if (!InputHash.ofFile(file).equals(entry.sha256)) {
        return entry.name + " has another checksum than when it was written";
      }
    }
    return null;
  }
}
