package dev.flowtraining.trainer.synthesize;

import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.model.FlowModel;
import java.util.Arrays;
import java.util.Random;

/**
 * Tokens and a speaker to a mel as upstream's inference does it: Euler steps with classifier-free guidance, from the
 * first frames of a fixed noise. Draws nothing: the same weights give the same mel, and training beside it goes on as
 * if it were not there.
 */
public final class Synthesizer {
  /** As in upstream's inference. */
  static final int STEPS = 10;
  private static final long SEED = 1986;

  private final FlowModel model;
  private final int steps;
  private final double guidance;
  private final double temperature;

  /** Upstream's steps, and its noise as it is. */
  public Synthesizer(FlowModel model, double guidance) {
    this(model, STEPS, guidance, 1);
  }

  /**
   * @param guidance its strength, {@code model.inference_cfg_rate}; 0 is none
   * @param temperature factor of the noise; below 1 the mel is nearer to the mean of all that would suit the tokens
   */
  public Synthesizer(FlowModel model, int steps, double guidance, double temperature) {
    this.model = model;
    this.steps = steps;
    this.guidance = guidance;
    this.temperature = temperature;
  }

  /**
   * What goes before the target: its tokens, and its mel, which the model sees.
   *
   * @param token_2T rows of two ids, flattened
   * @param mel_FC two frames for each token × 80
   */
  public record Prompt(int[] token_2T, float[] mel_FC) {
    public static final Prompt NONE = new Prompt(new int[0], new float[0]);

    public static Prompt of(Example example) {
      return new Prompt(example.token_2T(), example.mel_FC());
    }
  }

  public Speech speech(Example target, Prompt prompt) {
    int promptLength = prompt.token_2T().length;
    int[] token_2T = Arrays.copyOf(prompt.token_2T(), promptLength + target.token_2T().length);
    System.arraycopy(target.token_2T(), 0, token_2T, promptLength, target.token_2T().length);
    int[][] token_T2 = new int[token_2T.length / 2][];
    Arrays.setAll(token_T2, t -> new int[] {token_2T[2 * t], token_2T[2 * t + 1]});
    float[] noise_CF = noise_CF(token_2T.length); // frames are as many as ids: two of each for a token
    for (int i = 0; i < noise_CF.length; i++) {
      noise_CF[i] *= (float) temperature;
    }
    return new Speech(target.utt(), target.mel_FC(),
        model.sample(token_T2, target.speaker(), prompt.mel_FC(), noise_CF, steps, guidance));
  }

  /** Drawn frame by frame, so that an utterance's beginning does not depend on its length. */
  static float[] noise_CF(int frames) {
    Random random = new Random(SEED);
    float[] noise_CF = new float[Mel.BINS * frames];
    for (int f = 0; f < frames; f++) {
      for (int c = 0; c < Mel.BINS; c++) {
        noise_CF[c * frames + f] = (float) random.nextGaussian();
      }
    }
    return noise_CF;
  }
}
