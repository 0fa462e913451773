package dev.flowtraining.trainer.config;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.StringReader;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * The settings of one or more config files, typed by {@link FlowConfig}'s records, and where each was written.
 *
 * @param preset the preset that the file names on top, or null
 * @param values by path, such as {@code train_conf.optim_conf.lr}
 * @param places by path: {@code file line n}
 */
record ConfigText(String preset, Map<String, Object> values, Map<String, String> places) {

  static ConfigText parse(String file, String text) {
    Node root;
    try {
      root = new Yaml(new SafeConstructor(new LoaderOptions())).compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      Mark mark = e.getProblemMark();
      throw invalid(file + (mark == null ? "" : " line " + (mark.getLine() + 1)) + ": not YAML: " + e.getProblem());
    } catch (YAMLException e) {
      throw invalid(file + ": not YAML: " + e.getMessage());
    }
    Reader reader = new Reader(file);
    if (root != null && root.getTag() != Tag.NULL) {
      reader.section("", root, FlowConfig.class);
    }
    return new ConfigText(reader.preset, reader.values, reader.places);
  }

  /** These settings with others laid on top. */
  ConfigText under(ConfigText top) {
    Map<String, Object> values = new LinkedHashMap<>(this.values);
    values.putAll(top.values);
    Map<String, String> places = new LinkedHashMap<>(this.places);
    places.putAll(top.places);
    return new ConfigText(top.preset, values, places);
  }

  private static StageFailure invalid(String message) {
    return new StageFailure(ExitCode.USAGE, "InvalidConfig", message);
  }

  /** One walk over a file's tree. */
  private static final class Reader {
    private final String file;
    private final Map<String, Object> values = new LinkedHashMap<>();
    private final Map<String, String> places = new LinkedHashMap<>();
    private String preset;

    Reader(String file) {
      this.file = file;
    }

    void section(String path, Node node, Class<?> type) {
      if (node.getTag() == Tag.NULL) {
        return; // a key with nothing under it sets nothing
      }
      if (!(node instanceof MappingNode mapping)) {
        String what = path.isEmpty() ? "the config" : path.substring(0, path.length() - 1);
        throw invalid(place(node) + ": " + what + " has to be a section of 'key: value' lines, with the keys "
            + String.join(", ", ConfigKeys.of(type).keySet()));
      }
      Map<String, Type> keys = ConfigKeys.of(type);
      Map<String, Node> seen = new LinkedHashMap<>();
      for (NodeTuple tuple : mapping.getValue()) {
        String key = tuple.getKeyNode() instanceof ScalarNode s ? s.getValue() : "?";
        Node earlier = seen.put(key, tuple.getKeyNode());
        if (earlier != null) {
          throw invalid(place(tuple.getKeyNode()) + ": " + path + key + " was already set in line " + line(earlier));
        }
        if (path.isEmpty() && key.equals("preset")) {
          preset = scalar(tuple.getValueNode(), "preset", String.class).getValue();
          continue;
        }
        Type expected = keys.get(key);
        if (expected == null) {
          throw new StageFailure(ExitCode.USAGE, "UnknownConfigKey", place(tuple.getKeyNode()) + ": unknown key '"
              + path + key + "'; did you mean '" + path + ConfigKeys.nearest(key, keys.keySet()) + "'?");
        }
        setting(path + key, tuple.getValueNode(), expected);
      }
    }

    private void setting(String path, Node node, Type type) {
      if (type instanceof Class<?> c && c.isRecord()) {
        section(path + ".", node, c);
        return;
      }
      places.put(path, place(node));
      values.put(path, value(path, node, type));
    }

    private Object value(String path, Node node, Type type) {
      if (type.getTypeName().startsWith("java.util.List<")) {
        if (!(node instanceof SequenceNode sequence)) {
          throw wrong(path, node, type);
        }
        List<Object> items = new ArrayList<>();
        for (Node item : sequence.getValue()) {
          items.add(value(path, item, type.getTypeName().contains("String") ? String.class : double.class));
        }
        return items;
      }
      if (type == Double.class && node.getTag() == Tag.NULL) {
        return null;
      }
      ScalarNode scalar = scalar(node, path, type);
      try {
        // by the type wanted, not by YAML's guess: 1e-5 is a number here, though YAML 1.1 calls it a string
        return switch (type.getTypeName()) {
          case "int" -> Integer.parseInt(scalar.getValue());
          case "long" -> Long.parseLong(scalar.getValue());
          case "double", "java.lang.Double" -> finite(scalar.getValue());
          case "boolean" -> truth(scalar.getValue());
          default -> scalar.getValue();
        };
      } catch (NumberFormatException e) {
        throw wrong(path, node, type);
      }
    }

    private ScalarNode scalar(Node node, String path, Type type) {
      boolean word = type == String.class;
      if (!(node instanceof ScalarNode scalar) || node.getTag() == Tag.NULL
          || word && node.getTag() != Tag.STR || !word && !scalar.isPlain()) {
        throw wrong(path, node, type);
      }
      return scalar;
    }

    private static double finite(String text) {
      double value = Double.parseDouble(text);
      if (!Double.isFinite(value) || !Character.isDigit(text.charAt(text.length() - 1)) && !text.endsWith(".")) {
        throw new NumberFormatException(text); // NaN, and Java's own 1d and 1f
      }
      return value;
    }

    private static boolean truth(String text) {
      return switch (text) {
        case "true" -> true;
        case "false" -> false;
        default -> throw new NumberFormatException(text);
      };
    }

    private StageFailure wrong(String path, Node node, Type type) {
      String found = switch (node) {
        case ScalarNode s when s.getTag() == Tag.NULL -> "nothing";
        case ScalarNode s -> "'" + s.getValue() + "'";
        case MappingNode m -> "a section";
        default -> "a list";
      };
      return invalid(place(node) + ": " + path + " has to be " + ConfigKeys.expected(type) + ", not " + found);
    }

    private String place(Node node) {
      return file + " line " + line(node);
    }

    private static int line(Node node) {
      return node.getStartMark().getLine() + 1;
    }
  }
}
