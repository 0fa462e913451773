package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.config.ModelConfig;
import java.util.List;
import java.util.stream.IntStream;

/** Tokens to one row per mel frame: look-ahead, conformer blocks, nearest upsampling, more conformer blocks. */
final class TokenEncoder {
  private final EncoderInput input;
  private final LookAhead lookAhead;
  private final List<EncoderBlock> blocks;
  private final Convolution upsample;
  private final int stride;
  private final EncoderInput upInput;
  private final List<EncoderBlock> upBlocks;
  private final LayerNorm norm;
  private final RelativePositions positions;

  TokenEncoder(ModelConfig.Encoder config, Parameters p) {
    input = EncoderInput.of(p, "encoder.embed.");
    lookAhead = LookAhead.of(p, "encoder.pre_lookahead_layer.", config.preLookaheadLen());
    blocks = IntStream.range(0, config.numBlocks())
        .mapToObj(i -> EncoderBlock.of(p, "encoder.encoders." + i + ".", "enc.block" + i)).toList();
    upsample = Convolution.of(p, "encoder.up_layer.conv");
    stride = config.upStride();
    upInput = EncoderInput.of(p, "encoder.up_embed.");
    upBlocks = IntStream.range(0, config.numUpBlocks())
        .mapToObj(i -> EncoderBlock.of(p, "encoder.up_encoders." + i + ".", "enc.up_block" + i)).toList();
    norm = LayerNorm.of(p, "encoder.after_norm", 1e-5);
    positions = new RelativePositions(p.newManager(), config.outputSize());
  }

  /**
   * @param x_BTC embedded tokens, zero where padded
   * @param padding of the tokens
   * @param maskLookAhead whether padded tokens are hidden from the look-ahead. Upstream does not hide them, so the last
   *     tokens of a padded utterance differ from those of the same utterance alone.
   * @return (B,F,C)
   */
  NDArray apply(Pass pass, NDArray x_BTC, Padding padding, boolean maskLookAhead) {
    NDArray x = pass.see("enc.embed", input.apply(pass, x_BTC));
    NDArray position = pass.see("enc.pos_emb", positions(pass, x));
    if (maskLookAhead && padding.any()) {
      x = x.mul(padding.valid_BT1(pass.manager(), 1));
    }
    x = pass.see("enc.lookahead", lookAhead.apply(x));
    NDArray keyMask = padding.keys_1B1T(pass.manager(), 1);
    for (EncoderBlock block : blocks) {
      x = block.apply(pass, x, position, keyMask);
    }
    x = pass.see("enc.up_bct", upsample.causal(repeat(x)));
    x = pass.see("enc.up_embed", upInput.apply(pass, x));
    position = positions(pass, x);
    keyMask = padding.keys_1B1T(pass.manager(), stride);
    for (EncoderBlock block : upBlocks) {
      x = block.apply(pass, x, position, keyMask);
    }
    return pass.see("encoder_out", norm.apply(x));
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
