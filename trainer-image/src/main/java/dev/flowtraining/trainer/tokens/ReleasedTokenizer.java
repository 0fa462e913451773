package dev.flowtraining.trainer.tokens;

import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.models.TokenizerFolder;
import java.io.IOException;

/** Step-Audio's dual-codebook tokenizer from its released files. */
record ReleasedTokenizer(Vq02 vq02, Vq06 vq06, boolean trim) implements SpeechTokenizer {

  /** @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto} */
  static ReleasedTokenizer open(TokenizerFolder folder, boolean trim, String device) {
    Vq06 vq06 = Vq06.open(folder.vq06(), device);
    try {
      return new ReleasedTokenizer(Vq02.open(folder, device), vq06, trim);
    } catch (RuntimeException e) {
      vq06.close();
      throw e;
    }
  }

  @Override
  public long[] tokens(float[] samples) throws IOException {
    float[] normed = TokenizerInput.energyNorm(samples);
    float[] input = trim ? TokenizerInput.trim(normed) : normed;
    return DualCodebook.interleave(vq02.codes(input), vq06.codes(input));
  }

  @Override
  public int vq02Codes() {
    return vq02.codes();
  }

  @Override
  public int vq06Codes() {
    return DualCodebook.VQ06_CODES;
  }

  @Override
  public void close() {
    vq02.close();
    vq06.close();
  }
}
