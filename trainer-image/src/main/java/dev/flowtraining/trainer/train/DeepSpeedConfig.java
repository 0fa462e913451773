package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageOptions;
import dev.flowtraining.trainer.config.FlowConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine {@code deepspeed}: optimizer, clipping and accumulation come from a {@code ds_stage2.json} instead of
 * {@code train_conf}, as with CosyVoice's trainer. ZeRO's stages 1 and 2 change where states lie, not what is computed;
 * here every rank keeps them whole. What would change the result and is not done is refused.
 */
final class DeepSpeedConfig {
  private static final Logger LOG = LoggerFactory.getLogger(DeepSpeedConfig.class);
  private static final Set<String> KNOWN = Set.of("train_micro_batch_size_per_gpu", "gradient_accumulation_steps",
      "steps_per_print", "gradient_clipping", "fp16", "bf16", "zero_optimization", "optimizer", "wall_clock_breakdown",
      "zero_force_ds_cpu_optimizer", "zero_allow_untested_optimizer");
  private static final Set<String> OPTIMIZER =
      Set.of("lr", "betas", "eps", "weight_decay", "torch_adam", "adam_w_mode");

  private final Path file;

  private DeepSpeedConfig(Path file) {
    this.file = file;
  }

  /** The config that training goes by: unchanged for the engine {@code torch_ddp}. */
  static FlowConfig apply(FlowConfig config, StageOptions options) throws IOException {
    if (!"deepspeed".equals(options.engine())) {
      return config;
    }
    if (options.deepspeedConfig() == null) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig",
          "the engine deepspeed needs --deepspeed-config FILE (configs/ds_stage2.json is one)");
    }
    return new DeepSpeedConfig(options.deepspeedConfig()).over(config);
  }

  private FlowConfig over(FlowConfig config) throws IOException {
    JsonNode json;
    try {
      json = new ObjectMapper().readTree(file.toFile());
    } catch (JsonProcessingException e) {
      throw invalid("line " + e.getLocation().getLineNr() + ": " + e.getOriginalMessage());
    }
    onlyKnown(json, KNOWN, "");
    JsonNode optimizer = json.path("optimizer");
    JsonNode params = optimizer.path("params");
    onlyKnown(params, OPTIMIZER, "optimizer.params.");
    int zero = json.at("/zero_optimization/stage").asInt(0);
    if (zero > 2) {
      throw invalid("zero_optimization.stage " + zero + " shards parameters, which is not done; use 0, 1 or 2");
    }
    if (json.at("/fp16/enabled").asBoolean()) {
      throw invalid("fp16.enabled: the model is trained in float32; set it to false");
    }
    if (json.path("train_micro_batch_size_per_gpu").asInt(1) != 1) {
      throw invalid("train_micro_batch_size_per_gpu has to be 1: dataset_conf.max_frames_in_batch makes the batches");
    }
    LOG.info("deepspeed: optimizer, clipping and accumulation from {}; every rank keeps the whole state, in float32",
        file);
    FlowConfig.Train train = config.trainConf();
    FlowConfig.Optim optim = train.optimConf();
    List<Double> betas = params.has("betas")
        ? StreamSupport.stream(params.get("betas").spliterator(), false).map(JsonNode::asDouble).toList()
        : optim.betas();
    return new FlowConfig(config.model(), config.cfm(), config.prepareConf(), config.tokenizerConf(),
        config.datasetConf(),
        new FlowConfig.Train(type(optimizer, train),
            new FlowConfig.Optim(params.path("lr").asDouble(optim.lr()), betas,
                params.path("eps").asDouble(optim.eps()), params.path("weight_decay").asDouble(optim.weightDecay())),
            train.scheduler(), train.schedulerConf(), train.maxEpoch(),
            json.path("gradient_accumulation_steps").asInt(train.accumGrad()),
            json.path("gradient_clipping").asDouble(train.gradClip()), train.logInterval(), train.savePerStep(),
            train.patience(), train.keepLast(), train.seed(), train.threads(), train.dropout()));
  }

  /** DeepSpeed's Adam decouples the weight decay unless it is told otherwise. */
  private String type(JsonNode optimizer, FlowConfig.Train train) {
    return switch (optimizer.path("type").asText("").toLowerCase(java.util.Locale.ROOT)) {
      case "" -> train.optim();
      case "adamw" -> "adamw";
      case "adam" -> optimizer.at("/params/adam_w_mode").asBoolean(true) ? "adamw" : "adam";
      default -> throw invalid("optimizer.type " + optimizer.get("type") + " is not one of Adam, AdamW");
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
    return new StageFailure(ExitCode.USAGE, "InvalidConfig", file + ": " + what);
  }
}
