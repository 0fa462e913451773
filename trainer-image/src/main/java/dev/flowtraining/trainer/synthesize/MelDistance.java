package dev.flowtraining.trainer.synthesize;

import dev.flowtraining.trainer.audio.Mel;
import java.util.Collection;
import java.util.List;

/**
 * How far the mels of some utterances are from the real ones, per frame and bin, of natural logarithms.
 *
 * @param l1 of what the model made
 * @param meanMelL1 of a mel that is in every frame the mean of these very utterances, bin by bin: what can be said
 *     without tokens
 */
public record MelDistance(double l1, double meanMelL1) {

  public static MelDistance of(Collection<Speech> speeches) {
    double[] sum = new double[Mel.BINS];
    double frames = 0;
    double l1 = 0;
    for (Speech speech : speeches) {
      for (int i = 0; i < speech.real_FC().length; i++) {
        sum[i % Mel.BINS] += speech.real_FC()[i];
      }
      frames += speech.frames();
      l1 += speech.l1() * speech.frames();
    }
    double meanMel = 0;
    for (Speech speech : speeches) {
      for (int i = 0; i < speech.real_FC().length; i++) {
        meanMel += Math.abs(speech.real_FC()[i] - sum[i % Mel.BINS] / frames);
      }
    }
    return new MelDistance(l1 / frames, meanMel / frames / Mel.BINS);
  }

  public static MelDistance of(Speech speech) {
    return of(List.of(speech));
  }

  /** Below 1 the model says more than the mean mel. */
  public double ratio() {
    return l1 / meanMelL1;
  }
}
