package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.config.FlowConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The settings that a run's numbers depend on, by their full names; a checkpoint carries them. */
final class Settings {
  /** May change between the parts of a run: they say how long, how often and how fast, not what. */
  private static final Set<String> FREE = Set.of("train_conf.max_epoch", "train_conf.log_interval",
      "train_conf.save_per_step", "train_conf.val_interval", "train_conf.patience", "train_conf.keep_last",
      "train_conf.keep_best", "train_conf.activation_checkpointing", "dataset_conf.num_workers",
      "dataset_conf.prefetch", "dataset_conf.prefetch_mib", "dataset_conf.mel_cache", "dataset_conf.mel_cache_mib",
      "dataset_conf.parquet_bytes", "dataset_conf.row_group_bytes", "dataset_conf.compression",
      "model.inference_cfg_rate", "train_conf.cuda_graphs", "train_conf.fused_kernels", "train_conf.init_strict",
      "train_conf.max_skipped_steps", "train_conf.worst_batch_first");
  /** Settings that came later, at the value that means what was done before them: older checkpoints lack them. */
  private static final Map<String, String> UNSET = Map.of("train_conf.freeze", "[]", "train_conf.ema_decay", "0.0",
      "train_conf.validate_ema", "false", "train_conf.streaming", "0.0", "train_conf.chunk_size", "25",
      "dataset_conf.replay_conf.data_list", "\"none\"", "dataset_conf.replay_conf.weight", "0.0");
  /** No setting, but as binding as one; checkpoints of before it was written are of this mel, too. */
  private static final String MEL = "mel";
  private static final Set<String> SECTIONS = Set.of("model", "cfm", "dataset_conf", "train_conf");

  private Settings() {}

  /** Also for the stage's input hash: a longer run is another run there, so it keeps {@code max_epoch} and patience. */
  static Map<String, String> all(FlowConfig config) {
    Map<String, String> settings = new TreeMap<>();
    JsonNode tree = new ObjectMapper().valueToTree(config);
    tree.properties().stream().filter(e -> SECTIONS.contains(e.getKey()))
        .forEach(e -> flatten(e.getKey(), e.getValue(), settings));
    return settings;
  }

  /** {@link #all(FlowConfig)}, and a scheduler that a DeepSpeed file has put in the place of the config's. */
  static Map<String, String> all(Engine engine) {
    Map<String, String> settings = all(engine.config());
    engine.scheduler().ifPresent(scheduler -> settings.put("deepspeed.scheduler", scheduler.toString()));
    return settings;
  }

  static Map<String, String> binding(Engine engine) {
    Map<String, String> settings = all(engine);
    settings.keySet().removeAll(FREE);
    settings.entrySet().removeAll(UNSET.entrySet());
    settings.put(MEL, Mel.SETTINGS);
    return settings;
  }

  /** One line for each setting that differs. */
  static List<String> differences(Map<String, String> before, Map<String, String> now) {
    List<String> lines = new ArrayList<>();
    Set<String> keys = new TreeSet<>(before.keySet());
    keys.addAll(now.keySet());
    if (!before.containsKey(MEL)) {
      keys.remove(MEL);
    }
    for (String key : keys) {
      if (!Objects.equals(before.get(key), now.get(key))) {
        lines.add(key + " was " + before.get(key) + " and is " + now.get(key));
      }
    }
    return lines;
  }

  private static void flatten(String name, JsonNode node, Map<String, String> settings) {
    if (node.isObject()) {
      node.properties().forEach(e -> flatten(name + "." + e.getKey(), e.getValue(), settings));
    } else {
      settings.put(name, node.toString());
    }
  }
}
