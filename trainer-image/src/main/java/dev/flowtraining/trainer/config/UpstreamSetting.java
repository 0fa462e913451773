package dev.flowtraining.trainer.config;

import java.util.Map;
import java.util.Set;

/** What a setting of CosyVoice's YAML is here. */
sealed interface UpstreamSetting {

  /** The same setting under our name. */
  record Ours(String path, String value) implements UpstreamSetting {}

  /** What is always so here. */
  record Built() implements UpstreamSetting {}

  /** Nothing that training the flow model reads. */
  record Ignored(String why) implements UpstreamSetting {}

  /** Something that this trainer does not do, or does otherwise. */
  record NoCounterpart(String why) implements UpstreamSetting {}

  String DIT = "DiT";
  Set<String> ENCODERS = Set.of("UpsampleConformerEncoder", "UpsampleConformerEncoderV2");
  int LONGEST_SENSIBLE_MINIMUM = 1000; // units of 10 ms

  /** Sections of other models and of steps that need no setting here. */
  Map<String, String> OTHERS = Map.ofEntries(
      Map.entry("llm", "the language model"), Map.entry("hift", "the vocoder"), Map.entry("hifigan", "the vocoder"),
      Map.entry("mel_spec_transform1", "the vocoder"), Map.entry("train_conf_gan", "the vocoder"),
      Map.entry("data_pipeline_gan", "the vocoder"), Map.entry("truncate", "the vocoder"),
      Map.entry("compute_f0", "the vocoder"), Map.entry("get_tokenizer", "the text tokenizer"),
      Map.entry("tokenize", "the text tokenizer"), Map.entry("allowed_special", "the text tokenizer"),
      Map.entry("data_pipeline", "the order of the pipeline is fixed"),
      Map.entry("compute_whisper_fbank", "features of the speech tokenizer"));

  /** Values that this trainer has built in: path → what it has to be. */
  Map<String, String> BUILT = Map.ofEntries(
      Map.entry("token_frame_rate", "25"), Map.entry("token_mel_ratio", "2"), Map.entry("hop_size", "480"),
      Map.entry("flow.output_type", "mel"), Map.entry("flow.input_frame_rate", "25"),
      Map.entry("flow.only_mask_loss", "true"), Map.entry("flow.token_mel_ratio", "2"),
      Map.entry("flow.encoder.use_cnn_module", "false"), Map.entry("flow.encoder.macaron_style", "false"),
      Map.entry("flow.decoder.cfm_params.content.solver", "euler"),
      Map.entry("flow.decoder.cfm_params.content.t_scheduler", "cosine"),
      Map.entry("feat_extractor.n_fft", "1920"), Map.entry("feat_extractor.num_mels", "80"),
      Map.entry("feat_extractor.sampling_rate", "24000"), Map.entry("feat_extractor.hop_size", "480"),
      Map.entry("feat_extractor.win_size", "1920"), Map.entry("feat_extractor.fmin", "0"),
      Map.entry("feat_extractor.fmax", "8000"), Map.entry("feat_extractor.center", "false"),
      Map.entry("compute_fbank.num_frames", "960"), Map.entry("parse_embedding.normalize", "true"),
      Map.entry("batch.batch_type", "dynamic"));

  Map<String, String> RENAMED = Map.ofEntries(
      Map.entry("sample_rate", "dataset_conf.sample_rate"), Map.entry("resample.resample_rate", "dataset_conf.sample_rate"),
      Map.entry("shuffle.shuffle_size", "dataset_conf.shuffle_size"), Map.entry("sort.sort_size", "dataset_conf.sort_size"),
      Map.entry("batch.max_frames_in_batch", "dataset_conf.max_frames_in_batch"),
      Map.entry("chunk_size", "train_conf.chunk_size"),
      Map.entry("flow.encoder.static_chunk_size", "train_conf.chunk_size"),
      Map.entry("flow.pre_lookahead_len", "model.encoder.pre_lookahead_len"),
      Map.entry("flow.decoder.inference_cfg_rate", "model.inference_cfg_rate"),
      Map.entry("flow.decoder.cfm_params.content.inference_cfg_rate", "model.inference_cfg_rate"),
      Map.entry("flow.decoder.cfm_params.content.sigma_min", "cfm.sigma_min"),
      Map.entry("flow.decoder.cfm_params.content.training_cfg_rate", "cfm.training_cfg_rate"));

  static UpstreamSetting of(HyperPyYaml.Leaf leaf, HyperPyYaml file) {
    String path = leaf.path();
    String top = leaf.top();
    if (OTHERS.containsKey(top)) {
      return new Ignored(OTHERS.get(top));
    }
    if (top.startsWith("__set_seed")) {
      return "manual_seed".equals(file.classes().get(top))
          ? new Ours("train_conf.seed", leaf.value().replaceAll("[\\[\\] ]", "")) : new Ignored("torch's seed is taken");
    }
    if (leaf.value() == null) {
      return path.equals("compute_fbank.feat_extractor") ? new Ignored("a reference to another section")
          : new NoCounterpart("its reference cannot be resolved");
    }
    String value = leaf.value().matches("True|False") ? leaf.value().toLowerCase() : leaf.value();
    if (BUILT.containsKey(path)) {
      return same(value, BUILT.get(path)) ? new Built()
          : new NoCounterpart("is always " + BUILT.get(path) + " here: the model and its mels are built on it");
    }
    if (top.equals("flow")) {
      return flow(path, value, file);
    }
    if (top.equals("filter")) {
      return filter(path.substring("filter.".length()), value);
    }
    if (path.equals("padding.use_spk_embedding")) {
      return new Ours("dataset_conf.speaker_embedding", value.equals("true") ? "spk" : "utt");
    }
    if (RENAMED.containsKey(path)) {
      return new Ours(RENAMED.get(path), value);
    }
    if (path.equals("train_conf.val_interval")) {
      return value.equals("1") ? new Built()
          : new NoCounterpart("counts epochs there, and steps between two more validations here");
    }
    if (top.equals("train_conf")) {
      return new Ours(path, value);
    }
    return file.referred().contains(top) ? new Ignored("is only there to be referred to")
        : new NoCounterpart("this trainer knows no such setting");
  }

  private static UpstreamSetting filter(String key, String value) {
    if (key.equals("min_length") && value.matches("\\d+") && Integer.parseInt(value) > LONGEST_SENSIBLE_MINIMUM) {
      return new NoCounterpart("units are 10 ms, so this would leave out all speech below " + Integer.parseInt(value) / 100
          + " s; if samples were meant, divide by a hundredth of the sample rate");
    }
    return new Ours("dataset_conf.filter_conf." + key, value);
  }

  private static UpstreamSetting flow(String path, String value, HyperPyYaml file) {
    if (!"CausalMaskedDiffWithXvec".equals(file.classes().get("flow"))) {
      return new NoCounterpart("flow is " + file.classes().get("flow") + ", another model than CausalMaskedDiffWithXvec");
    }
    String key = path.substring(path.lastIndexOf('.') + 1);
    String section = path.substring(0, path.lastIndexOf('.'));
    String kind = file.classes().get(section);
    boolean dual = "DualCodebookEmbedding".equals(file.classes().get("flow.input_embedding"));
    return switch (section) {
      case "flow" -> key.equals("vocab_size") && !dual
          ? new NoCounterpart("counts the tokens of one codebook; this model reads two, vq02 and vq06")
          : RENAMED.containsKey(path) ? new Ours(RENAMED.get(path), value) : new Ours("model." + key, value);
      case "flow.input_embedding" -> dual ? new Ignored("is flow." + key + " again")
          : new NoCounterpart("this model's embedding is DualCodebookEmbedding");
      case "flow.encoder" -> encoder(key, value, kind);
      case "flow.decoder.estimator" -> DIT.equals(kind) ? new Ours("model.estimator." + key, value)
          : new NoCounterpart("the estimator is " + kind + ", this model's is a DiT");
      default -> RENAMED.containsKey(path) ? new Ours(RENAMED.get(path), value)
          : Set.of("in_channels", "n_spks", "spk_emb_dim", "reg_loss_type").contains(key)
          ? new Ignored("upstream reads it nowhere either") : new NoCounterpart("this trainer knows no such setting");
    };
  }

  private static UpstreamSetting encoder(String key, String value, String kind) {
    if (!ENCODERS.contains(kind)) {
      return new NoCounterpart("the encoder is " + kind + ", this model's is UpsampleConformerEncoderV2");
    }
    return new Ours(RENAMED.getOrDefault("flow.encoder." + key, "model.encoder." + key), value);
  }

  private static boolean same(String value, String built) {
    try {
      return Double.parseDouble(value) == Double.parseDouble(built);
    } catch (NumberFormatException e) {
      return value.equals(built);
    }
  }
}
