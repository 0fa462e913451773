package dev.flowtraining.trainer.export;

import dev.flowtraining.trainer.config.ModelConfig;

/**
 * The {@code cosyvoice.yaml} that Step-Audio-EditX builds its flow model from (HyperPyYAML: {@code flow}, {@code hift},
 * {@code mel_conf}). Class names and arguments are those of its constructors at revision aacb90a.
 */
final class CosyVoiceYaml {

  private CosyVoiceYaml() {}

  static String of(ModelConfig m) {
    ModelConfig.Encoder e = m.encoder();
    ModelConfig.Estimator d = m.estimator();
    return """
        # The flow model of flow.pt, in the form of Step-Audio-EditX's cosyvoice.yaml. The vocoder (hift) is not trained
        # here: copy its section, hift.pt and campplus.onnx from the released folder.

        flow: !new:stepvocoder.cosyvoice2.flow.flow.CausalMaskedDiffWithXvec
          input_size: %d
          output_size: %d
          spk_embed_dim: %d
          output_type: mel
          vocab_size: %d
          input_embedding: !new:stepvocoder.cosyvoice2.embedding.dual_codebook.DualCodebookEmbedding
            vocab_size: %d
            input_size: %d
        """.formatted(m.inputSize(), m.outputSize(), m.spkEmbedDim(), m.vocabSize(), m.vocabSize(), m.inputSize())
        + """
          encoder: !new:stepvocoder.cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2
            input_size: %d
            output_size: %d
            input_layer: %s
            pre_lookahead_len: %d
            num_blocks: %d
            num_up_blocks: %d
            up_stride: %d
            up_scale_factor: %d
            attention_heads: %d
            pos_enc_layer_type: %s
            selfattention_layer_type: %s
            key_bias: %s
            linear_units: %d
            dropout_rate: %s
            positional_dropout_rate: %s
            attention_dropout_rate: %s
            normalize_before: %s
        """.formatted(e.inputSize(), e.outputSize(), e.inputLayer(), e.preLookaheadLen(), e.numBlocks(), e.numUpBlocks(),
            e.upStride(), e.upScaleFactor(), e.attentionHeads(), e.posEncLayerType(), e.selfattentionLayerType(), e.keyBias(),
            e.linearUnits(), e.dropoutRate(), e.positionalDropoutRate(), e.attentionDropoutRate(), e.normalizeBefore())
        + """
          decoder: !new:stepvocoder.cosyvoice2.flow.flow_matching.CausalConditionalCFM
            inference_cfg_rate: %s
            estimator: !new:stepvocoder.cosyvoice2.flow.decoder_dit.DiT
              in_channels: %d
              out_channels: %d
              mlp_ratio: %s
              depth: %d
              num_heads: %d
              head_dim: %d
              hidden_size: %d

        """.formatted(m.inferenceCfgRate(), d.inChannels(), d.outChannels(), d.mlpRatio(), d.depth(), d.numHeads(),
            d.headDim(), d.hiddenSize())
        + """
        mel_conf:
          n_fft: 1920
          num_mels: %d
          sampling_rate: 24000
          hop_size: 480
          win_size: 1920
          fmin: 0
          fmax: 8000
          center: False
        """.formatted(m.outputSize());
  }
}
