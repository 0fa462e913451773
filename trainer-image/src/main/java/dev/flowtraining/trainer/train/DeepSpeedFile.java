package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.OwnSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** The JSON of a DeepSpeed config, read by key such as {@code optimizer.params.lr}; what is wrong is named so. */
final class DeepSpeedFile {
  private final Path path;
  private final JsonNode json;
  /** What was read, under the names of the config: for the rules that hold for both. */
  private final Map<String, Object> values = new HashMap<>();
  private final Map<String, String> places = new HashMap<>();

  private DeepSpeedFile(Path path, JsonNode json) {
    this.path = path;
    this.json = json;
  }

  /** @throws StageFailure exit code 2, {@code InvalidConfig}; 66 {@code ConfigNotFound} */
  static DeepSpeedFile read(Path path) throws IOException {
    if (path == null) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig",
          "the engine deepspeed needs --deepspeed-config FILE (configs/ds_stage2.json is one)");
    }
    if (!Files.isRegularFile(path) || !Files.isReadable(path)) {
      throw new StageFailure(ExitCode.MISSING, "ConfigNotFound", path + " is not there or cannot be read; give a"
          + " ds_stage2.json (--deepspeed-config, spec.training.deepspeedConfig)");
    }
    JsonNode json;
    try {
      json = new ObjectMapper().readTree(path.toFile());
    } catch (JsonProcessingException e) {
      throw invalid(path, "line " + e.getLocation().getLineNr() + ": " + e.getOriginalMessage());
    }
    if (!json.isObject()) {
      throw invalid(path, "it has to be a JSON object, as configs/ds_stage2.json is");
    }
    return new DeepSpeedFile(path, json);
  }

  boolean has(String key) {
    return !at(key).isMissingNode();
  }

  /** @param setting of the config whose range holds here too, or null */
  double number(String key, String setting, double otherwise) {
    JsonNode node = at(key);
    if (node.isMissingNode()) {
      return otherwise;
    }
    if (!node.isNumber()) {
      throw invalid(key + " has to be a number, not " + node);
    }
    note(key, setting, node);
    return node.asDouble();
  }

  /** A whole number, which may be written as {@code 5e8}. */
  long whole(String key, String setting, long otherwise) {
    JsonNode node = at(key);
    if (node.isMissingNode()) {
      return otherwise;
    }
    if (!node.isNumber() || node.asDouble() != Math.rint(node.asDouble()) || Math.abs(node.asDouble()) > 1e15) {
      throw invalid(key + " has to be a whole number, not " + node);
    }
    note(key, setting, node);
    return (long) node.asDouble();
  }

  long within(String key, long low, long high, long otherwise) {
    long value = whole(key, null, otherwise);
    if (has(key) && (value < low || value > high)) {
      throw invalid(key + " has to be between " + low + " and " + high + ", not " + at(key));
    }
    return value;
  }

  boolean truth(String key, boolean otherwise) {
    JsonNode node = at(key);
    if (!node.isMissingNode() && !node.isBoolean()) {
      throw invalid(key + " has to be true or false, not " + node);
    }
    return node.asBoolean(otherwise);
  }

  String word(String key, String otherwise) {
    JsonNode node = at(key);
    if (!node.isMissingNode() && !node.isTextual()) {
      throw invalid(key + " has to be a word, not " + node);
    }
    return node.asText(otherwise);
  }

  List<Double> numbers(String key, String setting, List<Double> otherwise) {
    JsonNode node = at(key);
    if (node.isMissingNode()) {
      return otherwise;
    }
    List<JsonNode> items = node.valueStream().toList();
    if (!node.isArray() || !items.stream().allMatch(JsonNode::isNumber)) {
      throw invalid(key + " has to be a list of two numbers, not " + node);
    }
    note(key, setting, node);
    return items.stream().map(JsonNode::asDouble).toList();
  }

  /** Nothing else may stand in a section; an empty name is the file itself. */
  void only(String section, Set<String> known) {
    JsonNode node = section.isEmpty() ? json : at(section);
    if (node.isMissingNode()) {
      return;
    }
    if (!node.isObject()) {
      throw invalid(section + " has to be a section {…}, not " + node);
    }
    node.fieldNames().forEachRemaining(name -> {
      if (!known.contains(name)) {
        throw invalid("'" + (section.isEmpty() ? "" : section + ".") + name + "' is not supported; supported are "
            + known.stream().sorted().toList());
      }
    });
  }

  /** A switch of which only one position is what happens here. */
  void demand(String key, boolean position, String why) {
    if (truth(key, position) != position) {
      throw invalid(key + " " + !position + " is not supported: " + why + "; set it to " + position
          + " or leave it out");
    }
  }

  /** Says what a setting of the config becomes by a key whose value reads otherwise. */
  void sets(String key, String setting, String value) {
    note(key, setting, TextNode.valueOf(value));
  }

  /** @throws StageFailure when a setting that this file has too is set to something else */
  void demandAgreement(OwnSettings own) {
    values.forEach((setting, here) -> {
      Object there = own.values().get(setting);
      if (there != null && !numbersOrWords(there).equals(numbersOrWords(here))) {
        throw new StageFailure(ExitCode.USAGE, "InvalidConfig", own.places().get(setting) + ": " + setting + " " + there
            + " contradicts " + places.get(setting) + ", which says " + here + "; set it in one of them");
      }
    });
  }

  private static List<Object> numbersOrWords(Object value) {
    JsonNode node = value instanceof JsonNode json ? json : new ObjectMapper().valueToTree(value);
    return (node.isArray() ? node.valueStream() : Stream.of(node))
        .<Object>map(n -> n.isNumber() ? (Object) n.asDouble() : n.asText()).toList();
  }

  /** Checks the config that came of it; a value out of range is told with its key here. */
  void check(FlowConfig applied) {
    ConfigLoader.check(applied, values, places);
  }

  StageFailure invalid(String what) {
    return invalid(path, what);
  }

  @Override
  public String toString() {
    return path.toString();
  }

  private JsonNode at(String key) {
    return json.at("/" + key.replace('.', '/'));
  }

  private void note(String key, String setting, JsonNode value) {
    if (setting != null) {
      values.put(setting, value);
      places.put(setting, path + ": " + key);
    }
  }

  private static StageFailure invalid(Path path, String what) {
    return new StageFailure(ExitCode.USAGE, "InvalidConfig", path + ": " + what);
  }
}
