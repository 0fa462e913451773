package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.FlowConfig;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine {@code deepspeed}: a {@code ds_stage2.json} says what of {@code train_conf} it sets too (optimizer,
 * scheduler, clipping, accumulation, precision, the log's interval), and how ranks share the optimizer's state. A key
 * that is not known, or says what is not done here, is an error.
 */
final class DeepSpeedConfig {
  private static final Logger LOG = LoggerFactory.getLogger(DeepSpeedConfig.class);
  private static final Set<String> KNOWN = Set.of("train_batch_size", "train_micro_batch_size_per_gpu",
      "gradient_accumulation_steps", "steps_per_print", "gradient_clipping", "fp16", "bf16", "zero_optimization",
      "optimizer", "scheduler", "wall_clock_breakdown", "zero_force_ds_cpu_optimizer", "zero_allow_untested_optimizer");
  private static final Set<String> ZERO = Set.of("stage", "allgather_partitions", "allgather_bucket_size",
      "overlap_comm", "reduce_scatter", "reduce_bucket_size", "contiguous_gradients", "offload_optimizer");
  private static final Set<String> OPTIMIZER =
      Set.of("lr", "betas", "eps", "weight_decay", "torch_adam", "adam_w_mode");
  private static final Set<String> FP16 = Set.of("enabled", "auto_cast", "loss_scale", "initial_scale_power",
      "loss_scale_window", "hysteresis", "consecutive_hysteresis", "min_loss_scale");
  private static final long BUCKET = 500_000_000; // DeepSpeed's own

  private final DeepSpeedFile file;
  private final int worldSize;

  DeepSpeedConfig(DeepSpeedFile file, int worldSize) {
    this.file = file;
    this.worldSize = worldSize;
  }

  /** @throws StageFailure exit code 2, {@code InvalidConfig}, naming the file and the key */
  Engine over(FlowConfig config) {
    file.only("", KNOWN);
    file.demand("wall_clock_breakdown", false, "no times of a step's parts are taken");
    file.demand("zero_force_ds_cpu_optimizer", false, "there is no CPU optimizer of a GPU's parameters");
    file.truth("zero_allow_untested_optimizer", false); // with Adam alone there is nothing that it would allow
    FlowConfig.Train t = config.trainConf();
    int accumulation = (int) file.whole("gradient_accumulation_steps", "train_conf.accum_grad", t.accumGrad());
    batchSizes(accumulation);
    FlowConfig applied = config.with(t.with(type(t), optimizer(t.optimConf()))
        .with(accumulation, file.number("gradient_clipping", "train_conf.grad_clip", t.gradClip()),
            (int) file.whole("steps_per_print", "train_conf.log_interval", t.logInterval()), precision(t.precision())));
    file.check(applied);
    Engine engine = new Engine(applied, zero(), new Zero.Sizes(file.within("zero_optimization.reduce_bucket_size", 1,
        Long.MAX_VALUE, BUCKET), file.within("zero_optimization.allgather_bucket_size", 1, Long.MAX_VALUE, BUCKET)),
        lossScaling(), scheduler(applied.trainConf()));
    LOG.info("deepspeed: {}, ZeRO stage {}, {}", file, engine.zero(), engine.learningRate());
    return engine;
  }

  /** @throws StageFailure when the sizes are not what the batches will be, as DeepSpeed itself does */
  private void batchSizes(int accumulation) {
    if (file.whole("train_micro_batch_size_per_gpu", null, 1) != 1) {
      throw file.invalid("train_micro_batch_size_per_gpu has to be 1: dataset_conf.max_frames_in_batch makes the batches");
    }
    long whole = file.whole("train_batch_size", null, (long) accumulation * worldSize);
    if (worldSize > 0 && whole != (long) accumulation * worldSize) {
      throw file.invalid("train_batch_size " + whole + " is not gradient_accumulation_steps × ranks = " + accumulation
          + " × " + worldSize + "; set it to that or leave it out");
    }
  }

  private int zero() {
    String zero = "zero_optimization.";
    file.only("zero_optimization", ZERO);
    int stage = (int) file.whole(zero + "stage", null, 0);
    if (stage < 0 || stage > 2) {
      throw file.invalid("zero_optimization.stage " + stage + " shards parameters, which is not done; use 0, 1 or 2");
    }
    file.demand(zero + "allgather_partitions", true, "parameters are shared by all-gather");
    file.demand(zero + "reduce_scatter", true, "gradients are summed by reduce-scatter");
    file.demand(zero + "contiguous_gradients", true, "gradients lie in one buffer");
    file.demand(zero + "overlap_comm", false, "gradients are exchanged when a backward pass is over");
    file.only(zero + "offload_optimizer", Set.of("device", "pin_memory"));
    if (!file.word(zero + "offload_optimizer.device", "none").equals("none")) {
      throw file.invalid(zero + "offload_optimizer.device is not supported: the state stays on the rank's device; set it"
          + " to \"none\"");
    }
    file.truth(zero + "offload_optimizer.pin_memory", true); // of what is not offloaded
    return stage;
  }

  /** Both sections off is float32, as with DeepSpeed; without a section the config decides. */
  private String precision(String otherwise) {
    file.only("bf16", Set.of("enabled"));
    boolean bf16 = file.truth("bf16.enabled", false);
    boolean fp16 = file.truth("fp16.enabled", false);
    if (bf16 && fp16) {
      throw file.invalid("fp16.enabled and bf16.enabled exclude each other; set one of them to false");
    }
    if (!file.has("fp16.enabled") && !file.has("bf16.enabled")) {
      return otherwise;
    }
    String precision = bf16 ? "bf16" : fp16 ? "fp16" : "fp32";
    file.sets(file.has("bf16.enabled") ? "bf16.enabled" : "fp16.enabled", "train_conf.precision", precision);
    return precision;
  }

  /** DeepSpeed's rules begin to count good steps with the second one. */
  private LossScale.Rules lossScaling() {
    file.only("fp16", FP16);
    file.demand("fp16.auto_cast", false,
        "the model computes in float16 throughout, the loss and the masters in float32");
    double fixed = file.number("fp16.loss_scale", null, 0);
    double least = file.number("fp16.min_loss_scale", null, 1);
    long power = file.within("fp16.initial_scale_power", 0, 32, 16);
    long window = file.within("fp16.loss_scale_window", 1, 1_000_000_000, 1000);
    int hysteresis = (int) file.within("fp16.hysteresis", 1, 1000, 2);
    boolean refilled = file.truth("fp16.consecutive_hysteresis", false);
    if (fixed < 0 || least <= 0) {
      throw file.invalid(fixed < 0 ? "fp16.loss_scale has to be above 0, or 0 for a dynamic one, not " + fixed
          : "fp16.min_loss_scale has to be above 0, not " + least);
    }
    return new LossScale.Rules(
        fixed == 0, fixed == 0 ? Math.pow(2, power) : fixed, window, -1, hysteresis, refilled, least);
  }

  private FlowConfig.Optim optimizer(FlowConfig.Optim o) {
    file.only("optimizer", Set.of("type", "params"));
    file.only("optimizer.params", OPTIMIZER);
    file.truth("optimizer.params.torch_adam", true); // either of DeepSpeed's two is the same arithmetic
    return new FlowConfig.Optim(
        file.number("optimizer.params.lr", "train_conf.optim_conf.lr", o.lr()),
        file.numbers("optimizer.params.betas", "train_conf.optim_conf.betas", o.betas()),
        file.number("optimizer.params.eps", "train_conf.optim_conf.eps", o.eps()),
        file.number("optimizer.params.weight_decay", "train_conf.optim_conf.weight_decay", o.weightDecay()));
  }

  /** DeepSpeed's Adam decouples the weight decay unless it is told otherwise. */
  private String type(FlowConfig.Train train) {
    boolean decoupled = file.truth("optimizer.params.adam_w_mode", true);
    String type = file.word("optimizer.type", "");
    String optim = switch (type.toLowerCase(Locale.ROOT)) {
      case "" -> train.optim();
      case "adamw" -> "adamw";
      case "adam" -> decoupled ? "adamw" : "adam";
      default -> throw file.invalid("optimizer.type \"" + type + "\" is not one of Adam, AdamW");
    };
    if (file.has("optimizer.type")) {
      file.sets("optimizer.type", "train_conf.optim", optim);
    }
    return optim;
  }

  private Optional<LearningRate> scheduler(FlowConfig.Train train) {
    if (!file.has("scheduler")) {
      return Optional.empty();
    }
    file.sets("scheduler.type", "train_conf.scheduler", file.word("scheduler.type", ""));
    return Optional.of(DeepSpeedRate.of(file, train.optimConf().lr()));
  }
}
