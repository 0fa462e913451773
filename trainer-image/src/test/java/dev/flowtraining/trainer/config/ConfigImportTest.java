package dev.flowtraining.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.StageFailure;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigImportTest {
  @TempDir Path dir;

  /** In the form of CosyVoice 2's: one codebook, another estimator. */
  private static final String COSYVOICE_2 = """
      __set_seed1: !apply:random.seed [7]
      __set_seed3: !apply:torch.manual_seed [42]
      sample_rate: 24000
      width: 256
      token_frame_rate: 25
      token_mel_ratio: 2
      llm: !new:cosyvoice.llm.llm.Qwen2LM
          speech_token_size: 6561
          sampling: !name:cosyvoice.utils.common.ras_sampling
              top_p: 0.8
      flow: !new:cosyvoice.flow.flow.CausalMaskedDiffWithXvec
          input_size: !ref <width> * <token_mel_ratio>
          output_size: 80
          vocab_size: 6561
          only_mask_loss: True
          token_mel_ratio: !ref <token_mel_ratio>
          encoder: !new:cosyvoice.transformer.upsample_encoder.UpsampleConformerEncoder
              output_size: 512
              input_size: 512
              num_blocks: 5
              normalize_before: True
              macaron_style: False
          decoder: !new:cosyvoice.flow.flow_matching.CausalConditionalCFM
              n_spks: 1
              cfm_params: !new:omegaconf.DictConfig
                  content:
                      sigma_min: 1e-05
                      solver: 'euler'
                      training_cfg_rate: 0.3
                      inference_cfg_rate: 0.5
              estimator: !new:cosyvoice.flow.decoder.CausalConditionalDecoder
                  channels: [256]
                  num_heads: 4
      parquet_opener: !name:cosyvoice.dataset.processor.parquet_opener
      filter: !name:cosyvoice.dataset.processor.filter
          max_length: 4000
          min_length: 90
      feat_extractor: !name:matcha.utils.audio.mel_spectrogram
          n_fft: 1920
          fmax: 8000
      shuffle: !name:cosyvoice.dataset.processor.shuffle
          shuffle_size: 800
      batch: !name:cosyvoice.dataset.processor.batch
          batch_type: 'dynamic'
          max_frames_in_batch: 3000
      padding: !name:cosyvoice.dataset.processor.padding
          use_spk_embedding: True
      data_pipeline: [
          !ref <parquet_opener>,
          !ref <filter>,
      ]
      train_conf:
          optim: adam
          optim_conf:
              lr: 2e-5 # a comment
          scheduler: constantlr
          grad_clip: 4
          accum_grad: 3
          train_engine: ddp
          max_epoch: 0
      """;

  @Test
  void what_fits_is_kept_and_the_config_loads() throws Exception {
    FlowConfig config = load(COSYVOICE_2);
    assertThat(config.trainConf().seed()).isEqualTo(42);
    assertThat(config.model().encoder().numBlocks()).isEqualTo(5);
    assertThat(config.model().inputSize()).isEqualTo(512);
    assertThat(config.model().inferenceCfgRate()).isEqualTo(0.5);
    assertThat(config.cfm().sigmaMin()).isEqualTo(1e-5);
    assertThat(config.cfm().trainingCfgRate()).isEqualTo(0.3);
    assertThat(config.datasetConf().filterConf().minLength()).isEqualTo(90);
    assertThat(config.datasetConf().filterConf().maxLength()).isEqualTo(4000);
    assertThat(config.datasetConf().shuffleSize()).isEqualTo(800);
    assertThat(config.datasetConf().maxFramesInBatch()).isEqualTo(3000);
    assertThat(config.datasetConf().speakerEmbedding()).isEqualTo("spk");
    assertThat(config.trainConf().optimConf().lr()).isEqualTo(2e-5);
    assertThat(config.trainConf().scheduler()).isEqualTo("constantlr");
    assertThat(config.trainConf().gradClip()).isEqualTo(4);
    assertThat(config.trainConf().accumGrad()).isEqualTo(3);
    FlowConfig preset = ConfigLoader.preset("production");
    assertThat(config.model().vocabSize()).isEqualTo(preset.model().vocabSize());
    assertThat(config.model().estimator()).isEqualTo(preset.model().estimator());
    assertThat(config.trainConf().maxEpoch()).isEqualTo(preset.trainConf().maxEpoch());
    assertThat(config.trainConf().optimConf().betas()).isEqualTo(preset.trainConf().optimConf().betas());
  }

  @Test
  void every_line_of_the_file_is_accounted_for() {
    String report = ConfigImport.of("cosyvoice2.yaml", COSYVOICE_2).report();
    assertThat(report.split("\nIgnored:\n")[0])
        .contains("line 12 flow.input_size: 512 → model.input_size", "line 55 train_conf.optim_conf.lr: 2e-5")
        .contains("line 47 padding.use_spk_embedding: True → dataset_conf.speaker_embedding: spk")
        .contains("line 28 flow.decoder.cfm_params.content.solver: euler", "line 39 feat_extractor.n_fft: 1920");
    assertThat(report.split("\nIgnored:\n")[1].split("\nWithout a counterpart")[0])
        .contains("line 8 llm: the language model (2 values)", "line 1 __set_seed1: torch's seed is taken")
        .contains("line 4 width: is only there to be referred to", "line 48 data_pipeline: the order of the pipeline");
    assertThat(report.split("\nWithout a counterpart")[1])
        .contains("line 14 flow.vocab_size: 6561: counts the tokens of one codebook")
        .contains("line 32 flow.decoder.estimator.channels: [256]: the estimator is CausalConditionalDecoder")
        .contains("line 59 train_conf.train_engine: ddp: this trainer knows no such setting")
        .contains("line 60 train_conf.max_epoch: 0: train_conf.max_epoch has to be between 1 and");
  }

  /** In the form of the seed's: sections that stand for constants, limits in samples, other mels. */
  @Test
  void references_into_sections_are_resolved_and_mels_of_another_kind_are_told() throws Exception {
    String text = """
        sample_rate: 24000
        mel_feat_conf:
            n_fft: 2048
            fmax: 12000
        flow: !new:cosyvoice.flow.flow.CausalMaskedDiffWithXvec
            vocab_size: 2048
            encoder: !new:cosyvoice.transformer.encoder.ConformerEncoder
                num_blocks: 4
        filter: !name:cosyvoice.dataset.processor.filter
            max_length: 40960   # in samples
            min_length: 4800
        feat_extractor: !name:matcha.utils.audio.mel_spectrogram
            n_fft: !ref <mel_feat_conf[n_fft]>
            sampling_rate: !ref <sample_rate>
            fmax: !ref <mel_feat_conf[fmax]>
        train_conf:
            optim_conf: {lr: 0.001, betas: [0.9, 0.98], eps: 1e-8}
            scheduler: warmuplr
            scheduler_conf:
                warmup_steps: 2000
            patience: 10
            val_interval: 1       # epochs
        """;
    FlowConfig config = load(text);
    assertThat(config.trainConf().optimConf().betas()).containsExactly(0.9, 0.98);
    assertThat(config.trainConf().schedulerConf().warmupSteps()).isEqualTo(2000);
    assertThat(config.trainConf().patience()).isEqualTo(10);
    assertThat(config.trainConf().valInterval()).as("counts steps here")
        .isEqualTo(ConfigLoader.preset("production").trainConf().valInterval());
    assertThat(config.model()).isEqualTo(ConfigLoader.preset("production").model());
    assertThat(config.datasetConf().filterConf().minLength()).isEqualTo(100);
    assertThat(ConfigImport.of("flow_model.yaml", text).report().split("\nWithout a counterpart")[1])
        .contains("line 13 feat_extractor.n_fft: 2048: is always 1920 here", "line 15 feat_extractor.fmax: 12000")
        .contains("line 8 flow.encoder.num_blocks: 4: the encoder is ConformerEncoder")
        .contains("line 11 filter.min_length: 4800: units are 10 ms, so this would leave out all speech below 48 s");
  }

  /** What the export stage writes comes back whole. */
  @Test
  void the_released_form_gives_the_model_back() throws Exception {
    FlowConfig config = load("""
        flow: !new:stepvocoder.cosyvoice2.flow.flow.CausalMaskedDiffWithXvec
          input_size: 512
          vocab_size: 6000
          input_embedding: !new:stepvocoder.cosyvoice2.embedding.dual_codebook.DualCodebookEmbedding
            vocab_size: 6000
            input_size: 512
          encoder: !new:stepvocoder.cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2
            num_up_blocks: 3
            static_chunk_size: 20
            key_bias: False
          decoder: !new:stepvocoder.cosyvoice2.flow.flow_matching.CausalConditionalCFM
            inference_cfg_rate: 0.6
            estimator: !new:stepvocoder.cosyvoice2.flow.decoder_dit.DiT
              depth: 12
              hidden_size: 384
        """);
    assertThat(config.model().vocabSize()).isEqualTo(6000);
    assertThat(config.model().encoder().numUpBlocks()).isEqualTo(3);
    assertThat(config.model().encoder().keyBias()).isFalse();
    assertThat(config.trainConf().chunkSize()).isEqualTo(20);
    assertThat(config.model().inferenceCfgRate()).isEqualTo(0.6);
    assertThat(config.model().estimator().depth()).isEqualTo(12);
    assertThat(config.model().estimator().hiddenSize()).isEqualTo(384);
  }

  @Test
  void arithmetic_and_what_cannot_be_resolved() {
    HyperPyYaml file = HyperPyYaml.parse("f", """
        a: 3
        b: 2
        sum: !ref <a> + <b> * 4 - 1
        half: !ref <a> / <b>
        same: !ref <sum>
        lost: !ref <nowhere>
        words: !ref <a> of <b>
        copied: !copy <a>
        ring: !ref <ring>
        """);
    assertThat(file.leaves()).extracting(l -> l.path() + "=" + l.value()).containsExactly("a=3", "b=2", "sum=10",
        "half=1.5", "same=10", "lost=null", "words=null", "copied=null", "ring=null");
    assertThatThrownBy(() -> HyperPyYaml.parse("bad.yaml", "a: [1,\nb: 2\n")).isInstanceOf(StageFailure.class)
        .hasMessageContaining("bad.yaml line 3");
    assertThatThrownBy(() -> HyperPyYaml.parse("list.yaml", "- a\n")).hasMessageContaining("list.yaml has to be");
  }

  private FlowConfig load(String upstream) throws Exception {
    Path file = dir.resolve("ours.yaml");
    Files.writeString(file, ConfigImport.of("upstream.yaml", upstream).yaml());
    return ConfigLoader.load(null, file);
  }
}
