package dev.flowtraining.trainer.vocoder;

import dev.flowtraining.trainer.audio.Mel;
import java.util.Arrays;

/**
 * Sizes of a HiFT vocoder, as the shapes of its tensors tell them.
 *
 * @param rates of the transposed convolutions: frames of a stage's output for each of its input
 * @param kernels of the transposed convolutions
 * @param resBlocks residual blocks after each of them
 * @param transform length of the final inverse Fourier transform; its hop is a quarter
 */
record HiFTForm(int[] rates, int[] kernels, int resBlocks, int transform) {

  /** @throws dev.flowtraining.trainer.StageFailure 66 {@code VocoderMismatch} when it is not for this mel */
  static HiFTForm of(HiFTWeights weights) {
    int transform = (int) weights.shape("conv_post.weight")[0] - 2;
    int stages = 0;
    while (weights.has("ups." + stages + ".weight")) {
      stages++;
    }
    int blocks = 0;
    while (weights.has("resblocks." + blocks + ".convs1.0.weight")) {
      blocks++;
    }
    int[] kernels = new int[stages];
    int[] left = new int[stages]; // how many frames of the last stage one of this stage's output becomes
    for (int i = 0; i < stages; i++) {
      kernels[i] = (int) weights.shape("ups." + i + ".weight")[2];
      int down = (int) weights.shape("source_downs." + i + ".weight")[2];
      left[i] = down == 1 ? 1 : down / 2;
    }
    int hop = transform / 4;
    int[] rates = new int[stages];
    for (int i = 0; i < stages; i++) {
      rates[i] = i == 0 ? Mel.HOP / hop / left[0] : left[i - 1] / left[i];
    }
    int product = Arrays.stream(rates).reduce(hop, (a, b) -> a * b);
    if (stages == 0 || product != Mel.HOP || blocks % stages != 0 || weights.shape("conv_pre.weight")[1] != Mel.BINS) {
      throw weights.mismatch(weights.shape("conv_pre.weight")[1] + " mel bins and " + product + " samples a frame in "
          + stages + " stages, not " + Mel.BINS + " and " + Mel.HOP);
    }
    return new HiFTForm(rates, kernels, blocks / stages, transform);
  }
}
