package dev.flowtraining.operator.decide;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.flowtraining.operator.api.v1alpha1.FlowTraining;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingSpec;
import dev.flowtraining.operator.api.v1alpha1.FlowTrainingStatus;
import dev.flowtraining.operator.api.v1alpha1.ModelsSpec;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A hash for each stage of what the spec asks of it and of all stages before it. It decides which Jobs are started; the
 * trainer has a hash of contents as well, and a Job whose contents did not change returns at once. So this one may be
 * coarse (a changed config starts with stage 0), the other one is exact.
 *
 * <p>The image is no part of it: a new release re-runs nothing by itself. Nor are the ranks and what they compute on:
 * the loss does not depend on them, and a checkpoint is resumed by another number of them.
 */
public final class InputHash {

  /** Raised when stages of the same spec must run again after an upgrade. */
  private static final String FORMAT = "1";
  private static final ObjectMapper JSON = JsonMapper.builder()
      .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS).build();

  private InputHash() {
  }

  public static Map<Stage, String> of(FlowTrainingSpec spec, Optional<String> config) {
    Map<Stage, String> hashes = new EnumMap<>(Stage.class);
    String before = "";
    for (Stage stage : Stage.inOrder()) {
      List<Object> parts = new ArrayList<>(List.of(FORMAT, stage.id(), before));
      parts.addAll(inputs(stage, spec, config));
      before = sha256(json(parts));
      hashes.put(stage, before);
    }
    return hashes;
  }

  /**
   * Tells the configurations of a FlowTraining's runs apart, in the name of their snapshots.
   *
   * @param last the hash of the last requested stage
   */
  public static String ofSnapshot(FlowTrainingSpec spec, String last) {
    return sha256(json(Arrays.asList(last, spec.training().deepspeedConfig()))).substring(0, 8);
  }

  /** Whether the spec of an ended run asks for something that the run was not made for. */
  public static boolean asksAnew(FlowTraining ft) {
    FlowTrainingStatus status = ft.getStatus();
    return !ft.getMetadata().getGeneration().equals(status.observedGeneration())
        && !ofSpec(ft.getSpec()).equals(status.run().specHash());
  }

  /** Of all but what is no part of a run: whether it rests, shares, is watched, and what is to become of it. */
  public static String ofSpec(FlowTrainingSpec spec) {
    ObjectNode tree = JSON.valueToTree(spec);
    tree.remove(List.of("suspend", "ttlAfterFinished", "tensorBoard"));
    tree.withObject("/workspace").remove(List.of("cache", "retain"));
    return sha256(json(tree));
  }

  private static List<Object> inputs(Stage stage, FlowTrainingSpec spec, Optional<String> config) {
    return switch (stage) {
      case PREPARE_DATA -> Arrays.asList(spec.config().preset(), config.orElse(null), spec.data());
      case SPEAKER_EMBEDDING -> Arrays.asList(spec.models().speakerEncoder(), spec.models().volume());
      case SPEECH_TOKENS -> Arrays.asList(spec.models().tokenizer(), spec.models().volume());
      case TRAIN -> Arrays.asList(spec.models().init(), spec.models().volume(), spec.training().engine(),
          spec.training().deepspeedConfig());
      case AVERAGE -> Arrays.asList(spec.averaging());
      case PARQUET -> List.of();
      case EXPORT -> spec.models().vocoder().equals(ModelsSpec.BUILTIN) ? List.of()
          : List.of(spec.models().vocoder(), spec.models().volume());
    };
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a spec that was read from JSON cannot be written as JSON", e);
    }
  }

  private static String sha256(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }
}
