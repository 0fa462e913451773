package dev.flowtraining.trainer.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/**
 * How a config differs from a preset: the one that it differs least from, since a loaded config no longer says what it
 * was laid on.
 */
public record PresetDifference(String preset, List<Row> rows) {

  /** @param setting such as {@code train_conf.max_epoch} */
  public record Row(String setting, String preset, String here) {}

  public static PresetDifference of(FlowConfig config) {
    Map<String, String> here = flat(config);
    PresetDifference least = null;
    // of equals the plainest: production comes before fine-tune
    for (String name : new TreeSet<>(ConfigLoader.PRESETS.keySet()).descendingSet()) {
      List<Row> rows = rows(flat(ConfigLoader.preset(name)), here);
      if (least == null || rows.size() < least.rows.size()) {
        least = new PresetDifference(name, rows);
      }
    }
    return least;
  }

  private static List<Row> rows(Map<String, String> preset, Map<String, String> here) {
    List<Row> rows = new ArrayList<>();
    here.forEach((setting, value) -> {
      if (!Objects.equals(preset.get(setting), value)) {
        rows.add(new Row(setting, preset.get(setting), value));
      }
    });
    return rows;
  }

  private static Map<String, String> flat(FlowConfig config) {
    Map<String, String> settings = new LinkedHashMap<>();
    JsonNode tree = new ObjectMapper().valueToTree(config);
    tree.properties().forEach(e -> flatten(e.getKey(), e.getValue(), settings));
    return settings;
  }

  private static void flatten(String name, JsonNode node, Map<String, String> settings) {
    if (node.isObject()) {
      node.properties().forEach(e -> flatten(name + "." + e.getKey(), e.getValue(), settings));
    } else {
      settings.put(name, node.isTextual() ? node.asText() : node.toString());
    }
  }
}
