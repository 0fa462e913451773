package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.model.KeyDifferences;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.SafeTensors;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A released model that training starts from.
 *
 * @param taken tensors of the model that come from the file; the others keep the values that they were drawn with
 * @param otherEmbedding the speaker embedding that the file was trained with, when it says so and it is another; else null
 */
record InitialWeights(Path file, int taken, KeyDifferences differences, String otherEmbedding) {
  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /**
   * @param strict whether a key that is missing, unknown or of another shape is an error
   * @throws StageFailure 66 {@code CheckpointMismatch} with these keys and what to do; when no key fits, in either mode
   */
  static InitialWeights load(Path file, Parameters parameters, FlowConfig config) throws IOException {
    boolean strict = config.trainConf().initStrict();
    StateDict state = StateDictFile.read(file);
    KeyDifferences differences = KeyDifferences.of(state, parameters.slots());
    int taken = parameters.slots().size() - differences.missing().size() - differences.otherShape().size();
    if (taken == 0 || strict && !differences.none()) {
      throw new StageFailure(ExitCode.MISSING, "CheckpointMismatch", "--init " + file + " does not fit the model of the "
          + "config: " + differences.text() + ". Give a file of this model, set model: to the file's sizes"
          + (taken == 0 ? "" : ", or set train_conf.init_strict: false to take what fits and draw the rest"));
    }
    parameters.load(state, false);
    String own = config.datasetConf().speakerEmbedding();
    return new InitialWeights(
        file, taken, differences, embedding(file).filter(there -> !there.equals(own)).orElse(null));
  }

  /** Of an exported file by its metadata, of a checkpoint by its manifest. */
  private static Optional<String> embedding(Path file) throws IOException {
    if (file.toString().endsWith(".safetensors")) {
      return Optional.ofNullable(SafeTensors.metadata(file).get(SafeTensors.SPEAKER_EMBEDDING));
    }
    Path manifest = file.resolveSibling(file.getFileName().toString().replaceFirst("\\.pt$", "") + ".json");
    try {
      return Files.isRegularFile(manifest) ? Optional.ofNullable(Manifest.read(manifest).settings())
          .map(s -> s.get("dataset_conf.speaker_embedding")).map(json -> json.replace("\"", "")) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // something else of that name
    }
  }

  /** For the log. */
  String text() {
    return file + " (" + taken + " tensors taken" + (differences.none() ? "" : "; " + differences.text()) + ")"
        + (otherEmbedding == null ? "" : "; WARNING: it was trained with dataset_conf.speaker_embedding: " + otherEmbedding);
  }

  /** Every key, for people and for the report. */
  void write(Path json) throws IOException {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("file", file.toString());
    report.put("sha256", InputHash.ofFile(file));
    report.put("taken", taken);
    if (otherEmbedding != null) {
      report.put("speakerEmbedding", otherEmbedding);
    }
    report.put("missing", differences.missing());
    report.put("unknown", differences.unknown());
    report.put("otherShape", differences.otherShape());
    WholeFile.text(json, JSON.writeValueAsString(report) + "\n");
  }
}
