package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.Operators;
import java.util.List;
import java.util.stream.IntStream;

/** Tokens to one row per mel frame: look-ahead, conformer blocks, nearest upsampling, more conformer blocks. */
final class TokenEncoder {
  /** Before upsampling. */
  static final String UP_SEAM = "enc.up";
  /** The first parameters after it. */
  static final String UP_PARAMETERS = "encoder.up_layer.";

  private final EncoderInput input;
  private final LookAhead lookAhead;
  private final List<EncoderBlock> blocks;
  private final Convolution upsample;
  private final int stride;
  private final EncoderInput upInput;
  private final List<EncoderBlock> upBlocks;
  private final LayerNorm norm;
  private final RelativePositions positions;

  TokenEncoder(ModelConfig.Encoder config, Weights w) {
    input = EncoderInput.of(w, "encoder.embed.");
    lookAhead = LookAhead.of(w, "encoder.pre_lookahead_layer.", config.preLookaheadLen());
    blocks = IntStream.range(0, config.numBlocks())
        .mapToObj(i -> EncoderBlock.of(w, "encoder.encoders." + i + ".", "enc.block" + i)).toList();
    upsample = Convolution.of(w, "encoder.up_layer.conv");
    stride = config.upStride();
    upInput = EncoderInput.of(w, "encoder.up_embed.");
    upBlocks = IntStream.range(0, config.numUpBlocks())
        .mapToObj(i -> EncoderBlock.of(w, "encoder.up_encoders." + i + ".", "enc.up_block" + i)).toList();
    norm = LayerNorm.of(w, "encoder.after_norm", 1e-5);
    positions = new RelativePositions(w, config.outputSize());
  }

  /**
   * @param x_BTC embedded tokens, zero where padded
   * @param maskLookAhead whether padded tokens are hidden from the look-ahead. Upstream does not hide them, so the last
   *     tokens of a padded utterance differ from those of the same utterance alone.
   * @return (B,F,C)
   */
  NDArray apply(Pass pass, NDArray x_BTC, Masks masks, boolean maskLookAhead) {
    NDArray x = pass.see("enc.embed", input.apply(pass, x_BTC));
    NDArray position = positions(pass, x);
    pass.see("enc.pos_emb", Operators.narrow(position, 0, 0, position.getShape().get(0) - 1));
    if (maskLookAhead && masks.token_BT1() != null) {
      x = x.mul(masks.token_BT1());
    }
    x = pass.see("enc.lookahead", lookAhead.apply(pass, x));
    for (EncoderBlock block : blocks) {
      x = pass.block(x, (inner, in) -> block.apply(inner, in, position, masks.tokenKeys_1B1T()));
    }
    x = pass.functions().seam(pass.manager(), x, UP_SEAM);
    x = pass.see("enc.up_bct", upsample.causal(pass, repeat(x)));
    x = pass.see("enc.up_embed", upInput.apply(pass, x));
    NDArray upPosition = positions(pass, x);
    for (EncoderBlock block : upBlocks) {
      x = pass.block(x, (inner, in) -> block.apply(inner, in, upPosition, masks.frameKeys_1B1F()));
    }
    return pass.see("encoder_out", norm.apply(pass, x));
  }

  void reserve(int tokens) {
    positions.reserve(tokens * stride);
  }

  private NDArray positions(Pass pass, NDArray x_BTC) {
    return pass.drop(positions.of(pass.manager(), Math.toIntExact(x_BTC.getShape().get(1))));
  }

  private NDArray repeat(NDArray x_BTC) {
    long b = x_BTC.getShape().get(0);
    long t = x_BTC.getShape().get(1);
    long c = x_BTC.getShape().get(2);
    return x_BTC.expandDims(2).broadcast(new Shape(b, t, stride, c)).reshape(b, t * stride, c);
  }
}
