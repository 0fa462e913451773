package dev.flowtraining.trainer.config;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.StringReader;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * A HyperPyYAML file (speechbrain/HyperPyYAML) as flat settings: {@code !new:}, {@code !name:} and {@code !apply:} name
 * classes and functions, {@code !ref <key>} stands for another value, and for sums and products of such. Nothing is
 * constructed or called.
 *
 * @param leaves in the file's order
 * @param classes by path: the last word of the class or function that a section is for
 * @param referred top keys that some {@code !ref} names
 */
record HyperPyYaml(List<Leaf> leaves, Map<String, String> classes, Set<String> referred) {

  /** @param value as YAML writes it; null when a reference cannot be resolved */
  record Leaf(String path, int line, String value) {
    String top() {
      return path.split("[.\\[]", 2)[0];
    }
  }

  private static final Pattern REFERENCE = Pattern.compile("<([^<>]+)>");
  private static final Pattern TERM = Pattern.compile("\\s*([-+*/]?)\\s*(-?[0-9.]+(?:[eE][-+]?[0-9]+)?)\\s*");
  private static final int DEEPEST = 20;

  /** @throws StageFailure exit code 2, {@code InvalidConfig} with the line */
  static HyperPyYaml parse(String file, String text) {
    Node root;
    try {
      root = new Yaml(new SafeConstructor(new LoaderOptions())).compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      throw invalid(file + (e.getProblemMark() == null ? "" : " line " + (e.getProblemMark().getLine() + 1))
          + ": not YAML: " + e.getProblem());
    } catch (YAMLException e) {
      throw invalid(file + ": not YAML: " + e.getMessage());
    }
    if (!(root instanceof MappingNode mapping)) {
      throw invalid(file + " has to be a section of 'key: value' lines, as CosyVoice's configs are");
    }
    Reader reader = new Reader(mapping);
    reader.section("", mapping);
    return new HyperPyYaml(reader.leaves, reader.classes, reader.referred);
  }

  private static StageFailure invalid(String message) {
    return new StageFailure(ExitCode.USAGE, "InvalidConfig", message);
  }

  private static final class Reader {
    private final MappingNode root;
    private final List<Leaf> leaves = new ArrayList<>();
    private final Map<String, String> classes = new LinkedHashMap<>();
    private final Set<String> referred = new HashSet<>();

    Reader(MappingNode root) {
      this.root = root;
    }

    void section(String path, MappingNode node) {
      for (NodeTuple tuple : node.getValue()) {
        value(path + (path.isEmpty() ? "" : ".") + ((ScalarNode) tuple.getKeyNode()).getValue(), tuple.getValueNode());
      }
    }

    private void value(String path, Node node) {
      String tag = node.getTag().getValue();
      Matcher target = Pattern.compile("!(?:new|name|apply):(?:.*[.])?([^.]+)").matcher(tag);
      if (target.matches()) {
        classes.put(path, target.group(1));
      }
      int line = node.getStartMark().getLine() + 1;
      switch (node) {
        case MappingNode section -> section(path, section);
        case SequenceNode list -> leaves.add(new Leaf(path, line, list(list)));
        case ScalarNode scalar when tag.startsWith("!ref") -> leaves.add(new Leaf(path, line, resolve(scalar, 0)));
        case ScalarNode scalar when !target.matches() || !scalar.getValue().isEmpty() ->
            leaves.add(new Leaf(path, line, tag.startsWith("!") ? null : scalar.getValue()));
        default -> { } // a function by its name alone
      }
    }

    private String list(SequenceNode list) {
      List<String> items = new ArrayList<>();
      for (Node item : list.getValue()) {
        switch (item) {
          case ScalarNode s when s.getTag().getValue().startsWith("!ref") -> items.add(String.valueOf(resolve(s, 0)));
          case ScalarNode s -> items.add(s.getValue());
          case SequenceNode s -> items.add(list(s));
          default -> items.add("…");
        }
      }
      return "[" + String.join(", ", items) + "]";
    }

    /** Null when it stands for a section, is not there, or is no arithmetic of numbers. */
    private String resolve(ScalarNode scalar, int depth) {
      StringBuilder expression = new StringBuilder();
      Matcher reference = REFERENCE.matcher(scalar.getValue());
      while (reference.find()) {
        String path = reference.group(1).replaceAll("\\[([^\\]]*)\\]", ".$1");
        referred.add(path.split("[.]", 2)[0]);
        String value = depth > DEEPEST ? null : at(path, depth);
        if (value == null) {
          return null;
        }
        reference.appendReplacement(expression, Matcher.quoteReplacement(value));
      }
      reference.appendTail(expression);
      boolean plain = scalar.getValue().strip().matches("<[^<>]+>");
      return plain ? expression.toString().strip() : arithmetic(expression.toString());
    }

    private String at(String path, int depth) {
      Node node = root;
      for (String key : path.split("[.]")) {
        node = node instanceof MappingNode mapping ? mapping.getValue().stream()
            .filter(t -> t.getKeyNode() instanceof ScalarNode s && s.getValue().equals(key))
            .map(NodeTuple::getValueNode).findFirst().orElse(null) : null;
      }
      return switch (node) {
        case ScalarNode s when s.getTag().getValue().startsWith("!ref") -> resolve(s, depth + 1);
        case ScalarNode s when !s.getTag().getValue().startsWith("!") -> s.getValue();
        case null, default -> null;
      };
    }

    /** Products before sums; null when it is anything else. */
    private static String arithmetic(String expression) {
      BigDecimal sum = BigDecimal.ZERO;
      BigDecimal product = null;
      Matcher term = TERM.matcher(expression);
      int at = 0;
      while (at < expression.length()) {
        if (!term.find(at) || term.start() != at || term.group(1).isEmpty() != (product == null)) {
          return null;
        }
        BigDecimal number = new BigDecimal(term.group(2));
        switch (term.group(1)) {
          case "*" -> product = product.multiply(number);
          case "/" -> {
            if (number.signum() == 0) {
              return null;
            }
            product = product.divide(number, MathContext.DECIMAL64);
          }
          case "-" -> {
            sum = sum.add(product);
            product = number.negate();
          }
          default -> {
            sum = product == null ? sum : sum.add(product);
            product = number;
          }
        }
        at = term.end();
      }
      return product == null ? null : sum.add(product).stripTrailingZeros().toPlainString();
    }
  }
}
