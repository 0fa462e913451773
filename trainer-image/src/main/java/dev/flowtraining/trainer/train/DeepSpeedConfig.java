package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine {@code deepspeed}: optimizer, clipping and accumulation come from a {@code ds_stage2.json} instead of
 * {@code train_conf}, as with CosyVoice's trainer. ZeRO's stages 1 and 2 change where states lie, not what is computed;
 * here every rank keeps them whole. What would change the result and is not done is refused.
 */
public final class DeepSpeedConfig {
  private static final Logger LOG = LoggerFactory.getLogger(DeepSpeedConfig.class);
  private static final Set<String> KNOWN = Set.of("train_micro_batch_size_per_gpu", "gradient_accumulation_steps",
      "steps_per_print", "gradient_clipping", "fp16", "bf16", "zero_optimization", "optimizer", "wall_clock_breakdown",
      "zero_force_ds_cpu_optimizer", "zero_allow_untested_optimizer");
  private static final Set<String> OPTIMIZER =
      Set.of("lr", "betas", "eps", "weight_decay", "torch_adam", "adam_w_mode");

  private final Path file;
  private final JsonNode json;
  /** What the file sets, under the names of the config: for the rules that hold for both. */
  private final Map<String, Object> values = new HashMap<>();
  private final Map<String, String> places = new HashMap<>();

  private DeepSpeedConfig(Path file, JsonNode json) {
    this.file = file;
    this.json = json;
  }

  /**
   * The config that training goes by: unchanged for the engine {@code torch_ddp}.
   *
   * @throws StageFailure exit code 2, {@code InvalidConfig}, naming the file and the key; 66 {@code ConfigNotFound}
   */
  public static FlowConfig apply(FlowConfig config, StageOptions options) throws IOException {
    if (!"deepspeed".equals(options.engine())) {
      return config;
    }
    Path file = options.deepspeedConfig();
    if (file == null) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig",
          "the engine deepspeed needs --deepspeed-config FILE (configs/ds_stage2.json is one)");
    }
    if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
      throw new StageFailure(ExitCode.MISSING, "ConfigNotFound", file + " is not there or cannot be read; give a"
          + " ds_stage2.json (--deepspeed-config, spec.training.deepspeedConfig)");
    }
    try {
      return new DeepSpeedConfig(file, new ObjectMapper().readTree(file.toFile())).over(config);
    } catch (JsonProcessingException e) {
      throw invalid(file, "line " + e.getLocation().getLineNr() + ": " + e.getOriginalMessage());
    }
  }

  private FlowConfig over(FlowConfig config) {
    if (!json.isObject()) {
      throw invalid("it has to be a JSON object, as configs/ds_stage2.json is");
    }
    onlyKnown(json, KNOWN, "");
    onlyKnown(json.at("/optimizer/params"), OPTIMIZER, "optimizer.params.");
    int zero = whole("zero_optimization.stage", null, 0);
    if (zero < 0 || zero > 2) {
      throw invalid("zero_optimization.stage " + zero + " shards parameters, which is not done; use 0, 1 or 2");
    }
    if (truth("fp16.enabled", false)) {
      throw invalid("fp16.enabled: the model is trained in bfloat16 or float32 (train_conf.precision); set it to false");
    }
    if (whole("train_micro_batch_size_per_gpu", null, 1) != 1) {
      throw invalid("train_micro_batch_size_per_gpu has to be 1: dataset_conf.max_frames_in_batch makes the batches");
    }
    FlowConfig.Train t = config.trainConf();
    FlowConfig.Optim o = t.optimConf();
    FlowConfig.Optim optim = new FlowConfig.Optim(
        number("optimizer.params.lr", "train_conf.optim_conf.lr", o.lr()), betas(o.betas()),
        number("optimizer.params.eps", "train_conf.optim_conf.eps", o.eps()),
        number("optimizer.params.weight_decay", "train_conf.optim_conf.weight_decay", o.weightDecay()));
    FlowConfig applied = new FlowConfig(config.model(), config.cfm(), config.prepareConf(), config.tokenizerConf(),
        config.datasetConf(),
        new FlowConfig.Train(type(t), optim, t.scheduler(), t.schedulerConf(), t.maxEpoch(),
            whole("gradient_accumulation_steps", "train_conf.accum_grad", t.accumGrad()),
            number("gradient_clipping", "train_conf.grad_clip", t.gradClip()), t.logInterval(), t.savePerStep(),
            t.patience(), t.keepLast(), t.initStrict(), t.seed(), t.threads(), t.dropout(),
            truth("bf16.enabled", true) ? t.precision() : "fp32", t.cudaGraphs()));
    ConfigLoader.check(applied, values, places);
    LOG.info("deepspeed: optimizer, clipping and accumulation from {}; every rank keeps the whole state",
        file);
    return applied;
  }

  private JsonNode at(String key) {
    return json.at("/" + key.replace('.', '/'));
  }

  /** @param setting of the config whose range holds here too, or null */
  private double number(String key, String setting, double otherwise) {
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

  private int whole(String key, String setting, int otherwise) {
    JsonNode node = at(key);
    if (node.isMissingNode()) {
      return otherwise;
    }
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw invalid(key + " has to be a whole number, not " + node);
    }
    note(key, setting, node);
    return node.asInt();
  }

  private boolean truth(String key, boolean otherwise) {
    JsonNode node = at(key);
    if (!node.isMissingNode() && !node.isBoolean()) {
      throw invalid(key + " has to be true or false, not " + node);
    }
    return node.asBoolean(otherwise);
  }

  private List<Double> betas(List<Double> otherwise) {
    String key = "optimizer.params.betas";
    JsonNode node = at(key);
    if (node.isMissingNode()) {
      return otherwise;
    }
    List<JsonNode> items = node.valueStream().toList();
    if (!node.isArray() || !items.stream().allMatch(JsonNode::isNumber)) {
      throw invalid(key + " has to be a list of two numbers, not " + node);
    }
    note(key, "train_conf.optim_conf.betas", node);
    return items.stream().map(JsonNode::asDouble).toList();
  }

  private void note(String key, String setting, JsonNode value) {
    if (setting != null) {
      values.put(setting, value);
      places.put(setting, file + ": " + key);
    }
  }

  /** DeepSpeed's Adam decouples the weight decay unless it is told otherwise. */
  private String type(FlowConfig.Train train) {
    boolean decoupled = truth("optimizer.params.adam_w_mode", true);
    return switch (at("optimizer.type").asText("").toLowerCase(Locale.ROOT)) {
      case "" -> train.optim();
      case "adamw" -> "adamw";
      case "adam" -> decoupled ? "adamw" : "adam";
      default -> throw invalid("optimizer.type " + at("optimizer.type") + " is not one of Adam, AdamW");
    };
  }

  private void onlyKnown(JsonNode node, Set<String> known, String at) {
    node.fieldNames().forEachRemaining(name -> {
      if (!known.contains(name)) {
        throw invalid("'" + at + name + "' is not supported; supported are " + known.stream().sorted().toList());
      }
    });
  }

  private StageFailure invalid(String what) {
    return invalid(file, what);
  }

  private static StageFailure invalid(Path file, String what) {
    return new StageFailure(ExitCode.USAGE, "InvalidConfig", file + ": " + what);
  }
}
