package dev.flowtraining.trainer.config;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * CosyVoice's YAML as settings of this trainer, on top of the preset production, whose values hold where nothing is kept.
 *
 * @param yaml a config that loads
 * @param report what was kept, what was ignored, and what has no counterpart, with its lines
 */
public record ConfigImport(String yaml, String report) {

  /** @throws StageFailure exit code 2 {@code InvalidConfig} when it is no such YAML, 66 {@code ConfigNotFound} */
  public static ConfigImport of(Path file) {
    String text;
    try {
      text = Files.readString(file);
    } catch (IOException e) {
      throw new StageFailure(ExitCode.MISSING, "ConfigNotFound", "cannot read the config " + file + ": " + e, e);
    }
    return of(file.getFileName().toString(), text);
  }

  static ConfigImport of(String name, String text) {
    HyperPyYaml upstream = HyperPyYaml.parse(name, text);
    Sorting sorting = new Sorting();
    upstream.leaves().forEach(leaf -> sorting.put(leaf, UpstreamSetting.of(leaf, upstream)));
    sorting.dropWhatBreaksRules();
    String yaml = "# From " + name + ", by flow-trainer config import.\npreset: production\n" + sorting.yaml();
    return new ConfigImport(yaml, sorting.report(name));
  }

  /** Where each setting of the file goes. */
  private static final class Sorting {
    private final Map<String, UpstreamSetting.Ours> kept = new LinkedHashMap<>();
    private final Map<String, HyperPyYaml.Leaf> from = new LinkedHashMap<>();
    private final List<String> built = new ArrayList<>();
    private final Map<String, List<HyperPyYaml.Leaf>> ignored = new LinkedHashMap<>();
    private final List<String> lost = new ArrayList<>();

    void put(HyperPyYaml.Leaf leaf, UpstreamSetting setting) {
      switch (setting) {
        case UpstreamSetting.Built b -> built.add(line(leaf));
        case UpstreamSetting.Ignored i ->
            ignored.computeIfAbsent(leaf.top() + ": " + i.why(), k -> new ArrayList<>()).add(leaf);
        case UpstreamSetting.NoCounterpart n -> lose(leaf, n.why());
        case UpstreamSetting.Ours ours -> keep(leaf, ours);
      }
    }

    private void lose(HyperPyYaml.Leaf leaf, String why) {
      lost.add(line(leaf) + ": " + why);
    }

    private void keep(HyperPyYaml.Leaf leaf, UpstreamSetting.Ours ours) {
      UpstreamSetting.Ours before = kept.get(ours.path());
      if (before != null && !before.value().equals(ours.value())) {
        lose(leaf, "line " + from.get(ours.path()).line() + " says " + before.value() + " already");
        return;
      }
      try {
        ConfigText.parse("", nested(Map.of(ours.path(), ours.value())));
      } catch (StageFailure e) {
        lose(leaf, e.reason().equals("UnknownConfigKey") ? "this trainer knows no such setting"
            : e.getMessage().replaceFirst("^.*?: ", ""));
        return;
      }
      kept.put(ours.path(), ours);
      from.putIfAbsent(ours.path(), leaf);
    }

    void dropWhatBreaksRules() {
      for (Optional<ConfigRules.Violation> broken = broken(); broken.isPresent(); broken = broken()) {
        String path = broken.get().path();
        if (kept.remove(path) == null) {
          throw new IllegalStateException("the preset breaks its own rule: " + broken.get());
        }
        lose(from.get(path), path + " " + broken.get().rule());
      }
    }

    private Optional<ConfigRules.Violation> broken() {
      return ConfigLoader.violations("production", yaml()).stream()
          .filter(v -> kept.containsKey(v.path())).findFirst();
    }

    String yaml() {
      return nested(kept.values().stream().collect(
          Collectors.toMap(UpstreamSetting.Ours::path, UpstreamSetting.Ours::value, (a, b) -> a, LinkedHashMap::new)));
    }

    String report(String name) {
      StringBuilder text = new StringBuilder();
      section(text, "Kept of " + name + " (" + kept.size() + ")", kept.values().stream()
          .map(o -> line(from.get(o.path())) + " → " + o.path() + (o.value().equals(from.get(o.path()).value()) ? ""
              : ": " + o.value())).toList());
      section(text, "Kept without a setting, being built in (" + built.size() + ")", built);
      section(text, "Ignored", ignored.entrySet().stream().map(e -> "line " + e.getValue().getFirst().line() + " "
          + e.getKey() + (e.getValue().size() == 1 ? "" : " (" + e.getValue().size() + " values)")).toList());
      section(text, "Without a counterpart, so that the preset's value holds (" + lost.size() + ")", lost);
      return text.toString();
    }

    private static void section(StringBuilder text, String title, List<String> lines) {
      text.append(text.isEmpty() ? "" : "\n").append(title).append(":\n");
      lines.forEach(l -> text.append("  ").append(l).append('\n'));
    }

    private static String line(HyperPyYaml.Leaf leaf) {
      return "line " + leaf.line() + " " + leaf.path() + (leaf.value() == null ? "" : ": " + leaf.value());
    }

    /** Settings as sections, in the order in which they come; a section stands once. */
    private static String nested(Map<String, String> values) {
      return nested(values, "");
    }

    private static String nested(Map<String, String> values, String indent) {
      Map<String, Map<String, String>> sections = new LinkedHashMap<>();
      StringBuilder text = new StringBuilder();
      values.forEach((path, value) -> {
        String[] parts = path.split("[.]", 2);
        if (parts.length == 1) {
          text.append(indent).append(path).append(": ").append(value).append('\n');
        } else {
          sections.computeIfAbsent(parts[0], k -> new LinkedHashMap<>()).put(parts[1], value);
        }
      });
      sections.forEach((key, inner) ->
          text.append(indent).append(key).append(":\n").append(nested(inner, indent + "  ")));
      return text.toString();
    }
  }
}
