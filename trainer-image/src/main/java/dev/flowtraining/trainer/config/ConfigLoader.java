package dev.flowtraining.trainer.config;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads configs: a preset, and a user's file laid on top of it. Every setting of the result is checked. */
public final class ConfigLoader {
  /** Names of presets and their files. */
  public static final Map<String, String> PRESETS =
      Map.of("production", "flow_model.yaml", "fine-tune", "flow_model_finetune.yaml", "tiny", "flow_model_tiny.yaml");

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private ConfigLoader() {}

  /** A preset alone. */
  public static FlowConfig preset(String name) {
    return load(name, null);
  }

  /**
   * A preset with a file on top; the file may name the preset itself ({@code preset: tiny}).
   *
   * @param preset null when it is not given: then the file's, else {@code production}
   * @param file null for the preset alone
   * @throws StageFailure exit code 2, reasons {@code UnknownPreset}, {@code UnknownConfigKey} and {@code InvalidConfig},
   *     each naming the file, the line and what is expected; 66 {@code ConfigNotFound}
   */
  public static FlowConfig load(String preset, Path file) {
    if (file == null) {
      return checked(presetSettings(preset == null ? "production" : preset));
    }
    ConfigText own = read(file);
    if (preset != null && own.preset() != null && !own.preset().equals(preset)) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig", file + " says 'preset: " + own.preset()
          + "' but preset " + preset + " is asked for; give only one of them");
    }
    String base = own.preset() != null ? own.preset() : preset != null ? preset : "production";
    return checked(presetSettings(base).under(own));
  }

  /** What a file sets itself; nothing without one. */
  public static OwnSettings own(Path fileOrNull) {
    ConfigText text = fileOrNull == null ? new ConfigText(null, Map.of(), Map.of()) : read(fileOrNull);
    return new OwnSettings(text.values(), text.places());
  }

  private static ConfigText read(Path file) {
    try {
      return ConfigText.parse(file.toString(), Files.readString(file));
    } catch (IOException e) {
      throw new StageFailure(ExitCode.MISSING, "ConfigNotFound", "cannot read the config " + file + ": " + e, e);
    }
  }

  /**
   * Checks a config that was changed after it was loaded.
   *
   * @param values of the changed settings by path, as the user wrote them
   * @param places by path: where the user wrote them
   * @throws StageFailure exit code 2, {@code InvalidConfig}
   */
  public static void check(FlowConfig config, Map<String, Object> values, Map<String, String> places) {
    ConfigRules.check(config, new ConfigText(null, values, places));
  }

  /** What of a preset with a file's text on top breaks a rule. */
  static List<ConfigRules.Violation> violations(String preset, String text) {
    ConfigText settings = presetSettings(preset).under(ConfigText.parse("", text));
    return ConfigRules.violations(MAPPER.convertValue(nested(settings.values()), FlowConfig.class));
  }

  private static ConfigText presetSettings(String name) {
    String file = PRESETS.get(name);
    if (file == null) {
      throw new StageFailure(ExitCode.USAGE, "UnknownPreset",
          "there is no preset '" + name + "'; the presets are production, fine-tune and tiny");
    }
    try (InputStream in = ConfigLoader.class.getResourceAsStream("/configs/" + file)) {
      if (in == null) {
        throw new StageFailure(ExitCode.UNKNOWN, "BrokenInstallation", "the jar lacks configs/" + file);
      }
      ConfigText own = ConfigText.parse("configs/" + file, new String(in.readAllBytes(), StandardCharsets.UTF_8));
      return own.preset() == null ? own : presetSettings(own.preset()).under(own);
    } catch (IOException e) {
      throw new StageFailure(ExitCode.UNKNOWN, "BrokenInstallation", "cannot read configs/" + file + ": " + e, e);
    }
  }

  private static FlowConfig checked(ConfigText settings) {
    FlowConfig config = MAPPER.convertValue(nested(settings.values()), FlowConfig.class);
    ConfigRules.check(config, settings);
    return config;
  }

  /** {@code a.b → v} becomes {@code a → {b → v}}. */
  @SuppressWarnings("unchecked")
  private static Map<String, Object> nested(Map<String, Object> flat) {
    Map<String, Object> root = new LinkedHashMap<>();
    flat.forEach((path, value) -> {
      String[] keys = path.split("\\.");
      Map<String, Object> at = root;
      for (int i = 0; i < keys.length - 1; i++) {
        at = (Map<String, Object>) at.computeIfAbsent(keys[i], k -> new LinkedHashMap<String, Object>());
      }
      at.put(keys[keys.length - 1], value);
    });
    return root;
  }
}
