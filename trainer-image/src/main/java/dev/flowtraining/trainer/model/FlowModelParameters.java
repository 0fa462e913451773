package dev.flowtraining.trainer.model;

import dev.flowtraining.trainer.config.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/** Names, order and shapes of the released {@code flow.pt}, and the initial distribution of each parameter. */
public final class FlowModelParameters {
  /** Channels of the sinusoidal embedding of t. */
  static final int TIME_CHANNELS = 256;

  private final List<ParameterSpec> specs = new ArrayList<>();

  private FlowModelParameters() {}

  public static List<ParameterSpec> of(ModelConfig model) {
    FlowModelParameters p = new FlowModelParameters();
    int width = model.encoder().outputSize();
    int mel = model.outputSize();
    p.add("input_embedding.embedding.weight", new Init.Normal(1), model.vocabSize(), model.inputSize() / 2);
    p.linear("spk_embed_affine_layer", model.spkEmbedDim(), mel);
    p.encoder("encoder.", model.encoder());
    p.linear("encoder_proj", width, mel);
    p.estimator("decoder.estimator.", model.estimator());
    return List.copyOf(p.specs);
  }

  private void encoder(String at, ModelConfig.Encoder encoder) {
    int width = encoder.outputSize();
    embed(at + "embed.", encoder);
    norm(at + "after_norm", width);
    convolution(at + "pre_lookahead_layer.conv1", width, width, encoder.preLookaheadLen() + 1);
    convolution(at + "pre_lookahead_layer.conv2", width, width, 3);
    for (int i = 0; i < encoder.numBlocks(); i++) {
      encoderBlock(at + "encoders." + i + ".", encoder);
    }
    convolution(at + "up_layer.conv", width, width, 2 * encoder.upStride() + 1);
    embed(at + "up_embed.", encoder);
    for (int i = 0; i < encoder.numUpBlocks(); i++) {
      encoderBlock(at + "up_encoders." + i + ".", encoder);
    }
  }

  private void embed(String at, ModelConfig.Encoder encoder) {
    linear(at + "out.0", encoder.inputSize(), encoder.outputSize());
    norm(at + "out.1", encoder.outputSize());
  }

  private void encoderBlock(String at, ModelConfig.Encoder encoder) {
    int width = encoder.outputSize();
    int heads = encoder.attentionHeads();
    String attention = at + "self_attn.";
    add(attention + "pos_bias_u", Init.xavier(width / heads, heads), heads, width / heads);
    add(attention + "pos_bias_v", Init.xavier(width / heads, heads), heads, width / heads);
    linear(attention + "linear_q", width, width);
    add(attention + "linear_k.weight", Init.byFanIn(width), width, width);
    if (encoder.keyBias()) {
      add(attention + "linear_k.bias", Init.byFanIn(width), width);
    }
    linear(attention + "linear_v", width, width);
    linear(attention + "linear_out", width, width);
    add(attention + "linear_pos.weight", Init.byFanIn(width), width, width);
    linear(at + "feed_forward.w_1", width, encoder.linearUnits());
    linear(at + "feed_forward.w_2", encoder.linearUnits(), width);
    norm(at + "norm_ff", width);
    norm(at + "norm_mha", width);
  }

  private void estimator(String at, ModelConfig.Estimator dit) {
    int hidden = dit.hiddenSize();
    int inner = dit.numHeads() * dit.headDim();
    int mlp = (int) (hidden * dit.mlpRatio());
    add(at + "t_embedder.mlp.0.weight", new Init.Normal(0.02), hidden, TIME_CHANNELS);
    add(at + "t_embedder.mlp.0.bias", Init.ZERO, hidden);
    add(at + "t_embedder.mlp.2.weight", new Init.Normal(0.02), hidden, hidden);
    add(at + "t_embedder.mlp.2.bias", Init.ZERO, hidden);
    xavier(at + "in_proj", dit.inChannels(), hidden);
    for (int i = 0; i < dit.depth(); i++) {
      String block = at + "blocks." + i + ".";
      xavier(block + "attn.to_q", hidden, inner);
      xavier(block + "attn.to_k", hidden, inner);
      xavier(block + "attn.to_v", hidden, inner);
      norm(block + "attn.q_norm", dit.headDim());
      norm(block + "attn.k_norm", dit.headDim());
      xavier(block + "attn.proj", inner, hidden);
      xavier(block + "mlp.fc1", hidden, mlp);
      xavier(block + "mlp.fc2", mlp, hidden);
      convolution(block + "conv.block.1", hidden, hidden, 3);
      norm(block + "conv.block.3", hidden);
      convolution(block + "conv.block.6", hidden, hidden, 3);
      zeroLinear(block + "adaLN_modulation.1", hidden, 9 * hidden);
    }
    zeroLinear(at + "final_layer.adaLN_modulation.1", hidden, 2 * hidden);
    zeroLinear(at + "final_layer.linear", hidden, dit.outChannels());
  }

  private void linear(String at, int in, int out) {
    add(at + ".weight", Init.byFanIn(in), out, in);
    add(at + ".bias", Init.byFanIn(in), out);
  }

  private void xavier(String at, int in, int out) {
    add(at + ".weight", Init.xavier(in, out), out, in);
    add(at + ".bias", Init.ZERO, out);
  }

  private void zeroLinear(String at, int in, int out) {
    add(at + ".weight", Init.ZERO, out, in);
    add(at + ".bias", Init.ZERO, out);
  }

  private void convolution(String at, int in, int out, int kernel) {
    add(at + ".weight", Init.byFanIn((long) in * kernel), out, in, kernel);
    add(at + ".bias", Init.byFanIn((long) in * kernel), out);
  }

  private void norm(String at, int channels) {
    add(at + ".weight", Init.ONE, channels);
    add(at + ".bias", Init.ZERO, channels);
  }

  private void add(String name, Init init, long... shape) {
    specs.add(new ParameterSpec(name, shape, init));
  }
}
