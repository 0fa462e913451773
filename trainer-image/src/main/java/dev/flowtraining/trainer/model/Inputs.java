package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.flowtraining.trainer.torch.Transfer;
import java.util.Arrays;

/**
 * A batch and its draws on the device, as the model reads them: sent there in one copy, and nothing else travels within
 * a step.
 *
 * @param token_BT2 int64
 * @param mel_BFM float32, as are noise, times, and the mask of the loss; the others have the weights' type
 * @param t_B11 times
 * @param noiseShare_B11 {@code 1−(1−σ)t}
 * @param wave_BW sinusoids of the times
 * @param frame_BF1 1 for frames that count in the loss
 * @param speaker_BS of length 1
 * @param prompt_BF1 1 for frames that are given
 * @param keep_B11OrNull 0 where mu, speaker and prompt are dropped together
 */
record Inputs(NDArray token_BT2, NDArray mel_BFM, NDArray noise_BFM, NDArray t_B11, NDArray noiseShare_B11,
    NDArray frame_BF1, NDArray wave_BW, NDArray speaker_BS, NDArray prompt_BF1, NDArray keep_B11OrNull, Masks masks) {

  /** Where the parts lie within the one buffer. */
  record Layout(Transfer transfer, int mel, int noise, int token, int t, int share, int frame, int wave, int speaker,
      int prompt, int keep, int tokenMask, int tokenKeys, int frameKeys, boolean padded, boolean drops) {

    /** @param always masks even where nothing is hidden, so that batches of one size have one layout */
    static Layout of(Batch batch, Draws draws, double sigma, int bins, boolean always) {
      int b = batch.size();
      int tokens = batch.tokens();
      int frames = 2 * tokens;
      boolean padded = always || batch.isPadded();
      boolean drops = always || anyOf(draws.dropConditions());
      float[] token = new float[batch.token_BT2().length];
      for (int i = 0; i < token.length; i++) {
        token[i] = Math.max(0, batch.token_BT2()[i]); // ids are small enough to be exact
      }
      float[] share = new float[b];
      float[] keep = new float[b];
      for (int i = 0; i < b; i++) {
        share[i] = 1 - (float) (1 - sigma) * draws.t()[i];
        keep[i] = draws.dropConditions()[i] ? 0 : 1;
      }
      int[] frameLen = Arrays.stream(batch.tokenLen()).map(n -> 2 * n).toArray();
      Transfer to = new Transfer();
      return new Layout(to,
          to.add(batch.mel_BFC(), b, frames, bins),
          to.add(draws.z(), b, bins, frames),
          to.add(token, b, tokens, 2),
          to.add(draws.t(), b, 1, 1),
          to.add(share, b, 1, 1),
          to.add(firsts(frameLen, frames, 1, 0), b, frames, 1),
          to.add(TimeEmbedding.waves(draws.t()), b, FlowModelParameters.TIME_CHANNELS),
          to.add(normalised(batch.speaker_BS(), b), b, batch.speaker_BS().length / b),
          to.add(firsts(draws.promptFrames(), frames, 1, 0), b, frames, 1),
          to.add(keep, b, 1, 1),
          to.add(firsts(batch.tokenLen(), tokens, 1, 0), b, tokens, 1),
          to.add(keys(batch.tokenLen(), tokens), 1, b, 1, tokens),
          to.add(keys(frameLen, frames), 1, b, 1, frames),
          padded, drops);
    }

    /** The inputs as views of a buffer that {@link #transfer} has filled. */
    Inputs of(NDArray buffer, Weights weights) {
      // one cast for all that the network itself reads
      NDArray computed = weights.as(transfer.stretch(buffer, wave, frameKeys));
      return new Inputs(
          transfer.view(buffer, token).toType(DataType.INT64, false), transfer.view(buffer, mel),
          transfer.view(buffer, noise).transpose(0, 2, 1), transfer.view(buffer, t), transfer.view(buffer, share),
          transfer.view(buffer, frame), part(computed, wave), part(computed, speaker), part(computed, prompt),
          drops ? part(computed, keep) : null,
          padded ? masks(computed) : Masks.NONE);
    }

    private Masks masks(NDArray computed) {
      NDArray keys_1B1F = part(computed, frameKeys);
      return new Masks(
          part(computed, tokenMask), part(computed, tokenKeys), keys_1B1F, keys_1B1F.transpose(1, 0, 2, 3));
    }

    private NDArray part(NDArray computed, int number) {
      return transfer.viewAfter(computed, wave, number);
    }
  }

  static Inputs of(NDManager manager, Batch batch, Draws draws, double sigma, int bins, Weights weights) {
    Layout layout = Layout.of(batch, draws, sigma, bins, false);
    return layout.of(layout.transfer().send(manager), weights);
  }

  /** The same for streaming. */
  Inputs within(NDArray chunk_TT, NDArray chunk_FF) {
    return new Inputs(token_BT2, mel_BFM, noise_BFM, t_B11, noiseShare_B11, frame_BF1, wave_BW, speaker_BS, prompt_BF1,
        keep_B11OrNull, masks.within(chunk_TT, chunk_FF));
  }

  /** Each row with its first elements different from the others. */
  private static float[] firsts(int[] counts, int length, float first, float other) {
    float[] values = new float[counts.length * length];
    Arrays.fill(values, other);
    for (int i = 0; i < counts.length; i++) {
      Arrays.fill(values, i * length, i * length + counts[i], first);
    }
    return values;
  }

  /** An utterance of no length at all, which fills a batch up, sees every key: a row of −∞ has no softmax. */
  private static float[] keys(int[] counts, int length) {
    int[] seen = Arrays.stream(counts).map(n -> n == 0 ? length : n).toArray();
    return firsts(seen, length, 0, Float.NEGATIVE_INFINITY);
  }

  /** Rows of length 1. */
  static float[] normalised(float[] x_BS, int rows) {
    float[] unit = new float[x_BS.length];
    int width = x_BS.length / rows;
    for (int i = 0; i < rows; i++) {
      double squares = 0;
      for (int j = i * width; j < (i + 1) * width; j++) {
        squares += (double) x_BS[j] * x_BS[j];
      }
      float length = (float) Math.max(Math.sqrt(squares), 1e-12);
      for (int j = i * width; j < (i + 1) * width; j++) {
        unit[j] = x_BS[j] / length;
      }
    }
    return unit;
  }

  private static boolean anyOf(boolean[] flags) {
    for (boolean flag : flags) {
      if (flag) {
        return true;
      }
    }
    return false;
  }
}
