package dev.flowtraining.trainer.config;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.model.FlowModelParameters;
import dev.flowtraining.trainer.model.Frozen;
import dev.flowtraining.trainer.model.ParameterSpec;
import java.util.ArrayList;
import java.util.List;

/** The range of every setting, and what must agree with what. */
final class ConfigRules {
  /** @param rule what the setting has to be */
  record Violation(String path, String rule) {}

  private final List<Violation> violations = new ArrayList<>();

  private ConfigRules() {}

  /** @throws StageFailure exit code 2, {@code InvalidConfig}, with file, line and the range */
  static void check(FlowConfig config, ConfigText text) {
    violations(config).stream().findFirst().ifPresent(v -> {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig", text.places().get(v.path()) + ": " + v.path() + " "
          + v.rule() + ", not " + text.values().get(v.path()));
    });
  }

  /** Everything that is out of range or does not agree, in the order of the sections. */
  static List<Violation> violations(FlowConfig config) {
    ConfigRules rules = new ConfigRules();
    rules.model(config.model());
    rules.encoder(config.model().encoder());
    rules.estimator(config.model());
    rules.matching(config.cfm());
    rules.data(config);
    rules.train(config.trainConf());
    rules.probe(config.probeConf());
    if (rules.violations.isEmpty()) {
      rules.freeze(config); // builds the model's parameters, for which its sizes have to be right
    }
    return rules.violations;
  }

  private void model(ModelConfig m) {
    within("model.vocab_size", m.vocabSize(), 1, 1_000_000);
    within("model.input_size", m.inputSize(), 2, 8192);
    demand(m.inputSize() % 2 == 0, "model.input_size", "has to be even: each of the two codebooks gets a half");
    demand(m.outputSize() == 80, "model.output_size", "has to be 80, the mel bins that training reads");
    demand(m.spkEmbedDim() == 192, "model.spk_embed_dim", "has to be 192, the size that stage 1 writes");
    demand(m.inputSize() == m.encoder().inputSize(), "model.encoder.input_size",
        "has to equal model.input_size (" + m.inputSize() + ")");
    within("model.inference_cfg_rate", m.inferenceCfgRate(), 0, 10);
  }

  private void encoder(ModelConfig.Encoder e) {
    demand(e.inputSize() == e.outputSize(), "model.encoder.output_size",
        "has to equal model.encoder.input_size (" + e.inputSize() + "): the second embedding has the same width");
    only("model.encoder.input_layer", e.inputLayer(), "linear");
    only("model.encoder.pos_enc_layer_type", e.posEncLayerType(), "rel_pos_espnet");
    only("model.encoder.selfattention_layer_type", e.selfattentionLayerType(), "rel_selfattn");
    demand(e.normalizeBefore(), "model.encoder.normalize_before", "has to be true: the model is pre-norm");
    demand(e.upStride() == 2, "model.encoder.up_stride", "has to be 2: a token is two mel frames");
    demand(e.upScaleFactor() == 2, "model.encoder.up_scale_factor", "has to be 2: a token is two mel frames");
    within("model.encoder.pre_lookahead_len", e.preLookaheadLen(), 1, 64);
    within("model.encoder.num_blocks", e.numBlocks(), 1, 256);
    within("model.encoder.num_up_blocks", e.numUpBlocks(), 1, 256);
    within("model.encoder.attention_heads", e.attentionHeads(), 1, 256);
    demand(e.outputSize() % e.attentionHeads() == 0, "model.encoder.attention_heads",
        "has to divide model.encoder.output_size (" + e.outputSize() + ")");
    within("model.encoder.linear_units", e.linearUnits(), 1, 65536);
    rate("model.encoder.dropout_rate", e.dropoutRate());
    rate("model.encoder.positional_dropout_rate", e.positionalDropoutRate());
    rate("model.encoder.attention_dropout_rate", e.attentionDropoutRate());
    oneRate("model.encoder.positional_dropout_rate", e.positionalDropoutRate(), e.dropoutRate());
    oneRate("model.encoder.attention_dropout_rate", e.attentionDropoutRate(), e.dropoutRate());
  }

  private void oneRate(String path, double rate, double dropoutRate) {
    demand(rate == dropoutRate, path, "has to equal model.encoder.dropout_rate (" + dropoutRate
        + "), since the encoder drops out at one rate; set all three, or train_conf.dropout for training alone");
  }

  private void estimator(ModelConfig m) {
    ModelConfig.Estimator d = m.estimator();
    demand(d.inChannels() == 4 * m.outputSize(), "model.estimator.in_channels",
        "has to be 4 × model.output_size = " + 4 * m.outputSize() + " (y, mu, speaker, prompt)");
    demand(d.outChannels() == m.outputSize(), "model.estimator.out_channels",
        "has to equal model.output_size (" + m.outputSize() + ")");
    within("model.estimator.mlp_ratio", d.mlpRatio(), 0.1, 64);
    within("model.estimator.depth", d.depth(), 1, 256);
    within("model.estimator.num_heads", d.numHeads(), 1, 256);
    within("model.estimator.head_dim", d.headDim(), 1, 1024);
    within("model.estimator.hidden_size", d.hiddenSize(), 1, 16384);
  }

  private void matching(FlowConfig.FlowMatching c) {
    demand(c.sigmaMin() >= 0 && c.sigmaMin() < 1, "cfm.sigma_min", "has to be at least 0 and below 1");
    fraction("cfm.training_cfg_rate", c.trainingCfgRate());
    fraction("cfm.prompt_probability", c.promptProbability());
    fraction("cfm.prompt_fraction", c.promptFraction());
  }

  private void data(FlowConfig config) {
    FlowConfig.Prepare p = config.prepareConf();
    fraction("prepare_conf.max_reject_fraction", p.maxRejectFraction());
    within("prepare_conf.min_seconds", p.minSeconds(), 0, 3600);
    within("prepare_conf.max_seconds", p.maxSeconds(), 0.1, 3600);
    demand(p.minSeconds() < p.maxSeconds(), "prepare_conf.min_seconds",
        "has to be below prepare_conf.max_seconds (" + p.maxSeconds() + ")");
    FlowConfig.Tokenizer t = config.tokenizerConf();
    within("tokenizer_conf.vq02_codes", t.vq02Codes(), 1, 1024);
    within("tokenizer_conf.vq06_codes", t.vq06Codes(), 1, 4096);
    demand(config.model().vocabSize() >= 1025 + t.vq06Codes(), "model.vocab_size", "has to be at least "
        + (1025 + t.vq06Codes()) + ": vq02 0..1023, pad 1024, then tokenizer_conf.vq06_codes (" + t.vq06Codes() + ")");
    within("tokenizer_conf.iterations", t.iterations(), 1, 10_000);
    within("tokenizer_conf.max_fit_frames", t.maxFitFrames(), Math.max(t.vq02Codes(), t.vq06Codes()), 100_000_000);
    FlowConfig.Dataset d = config.datasetConf();
    demand(d.sampleRate() == 24000, "dataset_conf.sample_rate", "has to be 24000: the model's mels are of 24 kHz audio");
    within("dataset_conf.parquet_bytes", d.parquetBytes(), 1 << 16, 2_000_000_000);
    within("dataset_conf.row_group_bytes", d.rowGroupBytes(), 1 << 16, 2_000_000_000);
    only("dataset_conf.compression", d.compression(), "snappy", "zstd", "uncompressed");
    filter(d.filterConf());
    FlowConfig.Replay r = d.replayConf();
    demand(r.weight() >= 0 && r.weight() <= 0.9, "dataset_conf.replay_conf.weight", "has to be between 0 and 0.9");
    demand(r.weight() == 0 || !r.dataList().equals("none"), "dataset_conf.replay_conf.data_list",
        "has to name a data.list when replay_conf.weight is above 0");
    demand(r.weight() > 0 || r.dataList().equals("none"), "dataset_conf.replay_conf.weight",
        "has to be above 0 when replay_conf.data_list names a list");
    within("dataset_conf.max_frames_in_batch", d.maxFramesInBatch(), 6, 10_000_000);
    within("dataset_conf.shuffle_size", d.shuffleSize(), 1, 100_000_000);
    within("dataset_conf.sort_size", d.sortSize(), 1, 100_000_000);
    within("dataset_conf.num_workers", d.numWorkers(), 1, 256);
    within("dataset_conf.prefetch", d.prefetch(), 1, 100_000);
    within("dataset_conf.prefetch_mib", d.prefetchMib(), 1, 1 << 20);
    only("dataset_conf.mel_cache", d.melCache(), "memory", "disk", "none");
    within("dataset_conf.mel_cache_mib", d.melCacheMib(), 1, 1 << 30);
    only("dataset_conf.speaker_embedding", d.speakerEmbedding(), "utt", "spk");
  }

  private void filter(FlowConfig.Filter f) {
    String conf = "dataset_conf.filter_conf.";
    within(conf + "min_length", f.minLength(), 0, 360_000);
    within(conf + "max_length", f.maxLength(), Math.max(1, f.minLength()), 360_000);
    within(conf + "token_min_length", f.tokenMinLength(), 0, 1_000_000);
    within(conf + "token_max_length", f.tokenMaxLength(), Math.max(1, f.tokenMinLength()), 1_000_000);
    within(conf + "min_output_input_ratio", f.minOutputInputRatio(), 0, 1000);
    within(conf + "max_output_input_ratio", f.maxOutputInputRatio(), f.minOutputInputRatio(), 1000);
  }

  private void train(FlowConfig.Train t) {
    only("train_conf.optim", t.optim(), "adam", "adamw");
    FlowConfig.Optim o = t.optimConf();
    demand(o.lr() > 0 && o.lr() <= 1, "train_conf.optim_conf.lr", "has to be above 0 and at most 1");
    demand(o.betas().size() == 2 && o.betas().stream().allMatch(b -> b >= 0 && b < 1), "train_conf.optim_conf.betas",
        "has to be two numbers, each at least 0 and below 1, such as [0.9, 0.999]");
    demand(o.eps() > 0 && o.eps() <= 1, "train_conf.optim_conf.eps", "has to be above 0 and at most 1");
    within("train_conf.optim_conf.weight_decay", o.weightDecay(), 0, 1);
    only("train_conf.scheduler", t.scheduler(), "warmuplr", "constantlr", "NoamHoldAnnealing", "cosine");
    FlowConfig.Scheduler s = t.schedulerConf();
    within("train_conf.scheduler_conf.warmup_steps", s.warmupSteps(), 1, 100_000_000);
    within("train_conf.scheduler_conf.hold_steps", s.holdSteps(), 0, 100_000_000);
    within("train_conf.scheduler_conf.max_steps", s.maxSteps(), 0, 1_000_000_000);
    boolean ends = t.scheduler().equals("NoamHoldAnnealing") || t.scheduler().equals("cosine");
    demand(!ends || s.maxSteps() > s.warmupSteps() + s.holdSteps(), "train_conf.scheduler_conf.max_steps",
        "has to be above warmup_steps + hold_steps with the scheduler " + t.scheduler());
    demand(s.holdSteps() == 0 || t.scheduler().equals("NoamHoldAnnealing"), "train_conf.scheduler_conf.hold_steps",
        "has to be 0 with the scheduler " + t.scheduler() + "; only NoamHoldAnnealing holds");
    demand(s.minLr() >= 0 && s.minLr() <= o.lr(), "train_conf.scheduler_conf.min_lr",
        "has to be at least 0 and at most optim_conf.lr");
    within("train_conf.max_epoch", t.maxEpoch(), 1, 1_000_000);
    within("train_conf.accum_grad", t.accumGrad(), 1, 100_000);
    within("train_conf.max_skipped_steps", t.maxSkippedSteps(), 1, 1_000_000);
    demand(t.gradClip() >= 0, "train_conf.grad_clip", "has to be above 0, or 0 for no clipping");
    within("train_conf.log_interval", t.logInterval(), 1, 1_000_000);
    demand(t.savePerStep() == -1 || t.savePerStep() >= 1, "train_conf.save_per_step",
        "has to be a number of steps, or -1 for epochs only");
    demand(t.valInterval() == -1 || t.valInterval() >= 1, "train_conf.val_interval",
        "has to be a number of steps, or -1 for the ends of epochs only");
    within("train_conf.patience", t.patience(), 0, 1_000_000);
    within("train_conf.keep_last", t.keepLast(), 1, 1_000_000);
    within("train_conf.keep_best", t.keepBest(), 0, 1_000_000);
    demand(t.seed() >= 0, "train_conf.seed", "has to be 0 or more");
    within("train_conf.threads", t.threads(), 1, 1024);
    only("train_conf.precision", t.precision(), "auto", "fp32", "tf32", "bf16", "fp16");
    demand(t.emaDecay() >= 0 && t.emaDecay() < 1, "train_conf.ema_decay",
        "has to be at least 0 and below 1, such as 0.9999, or 0 for no average");
    demand(!t.validateEma() || t.emaDecay() > 0, "train_conf.validate_ema",
        "has to be false where train_conf.ema_decay is 0: there is no moving average then");
    fraction("train_conf.streaming", t.streaming());
    within("train_conf.chunk_size", t.chunkSize(), 1, 1_000_000);
    if (t.dropout() != null) {
      rate("train_conf.dropout", t.dropout());
    }
  }

  private void probe(FlowConfig.Probe p) {
    demand(p.interval() == -1 || p.interval() >= 1, "probe_conf.interval", "has to be a number of steps, or -1 for none");
    within("probe_conf.utterances", p.utterances(), 1, 100);
    within("probe_conf.seconds", p.seconds(), 0.12, 60);
  }

  private void freeze(FlowConfig config) {
    List<String> patterns = config.trainConf().freeze();
    List<String> names = FlowModelParameters.of(config.model()).stream().map(ParameterSpec::name).toList();
    for (String pattern : patterns) {
      demand(names.stream().anyMatch(Frozen.matching(pattern)), "train_conf.freeze", "has to match parameters of the "
          + "model, such as encoder (all of encoder.…), input_embedding or decoder.estimator.blocks.*.attn.*; '"
          + pattern + "' matches none");
    }
    demand(Frozen.names(config.model(), patterns).size() < names.size(), "train_conf.freeze",
        "has to leave something to train");
  }

  private void rate(String path, double value) {
    demand(value >= 0 && value < 1, path, "has to be at least 0 and below 1");
  }

  private void fraction(String path, double value) {
    demand(value >= 0 && value <= 1, path, "has to be between 0 and 1");
  }

  private void within(String path, double value, double low, double high) {
    demand(value >= low && value <= high, path, "has to be between " + plain(low) + " and " + plain(high));
  }

  private void only(String path, String value, String... allowed) {
    demand(List.of(allowed).contains(value), path, "has to be " + String.join(" or ", allowed));
  }

  private static String plain(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }

  private void demand(boolean holds, String path, String rule) {
    if (!holds) {
      violations.add(new Violation(path, rule));
    }
  }
}
