package dev.flowtraining.trainer.synthesize;

import dev.flowtraining.trainer.audio.Mel;

/**
 * An utterance as it is and as the model makes it from its tokens and speaker.
 *
 * @param real_FC frames × 80
 * @param predicted_FC frames × 80
 */
public record Speech(String utt, float[] real_FC, float[] predicted_FC) {

  /** Mean absolute difference per frame and bin, of natural logarithms. */
  public double l1() {
    double sum = 0;
    for (int i = 0; i < real_FC.length; i++) {
      sum += Math.abs(real_FC[i] - predicted_FC[i]);
    }
    return sum / real_FC.length;
  }

  public int frames() {
    return real_FC.length / Mel.BINS;
  }

  public double seconds() {
    return (double) frames() * Mel.HOP / Mel.RATE;
  }

  /** A file name without ending, numbered, since what is left of two ids may be the same. */
  public String fileName(int number) {
    return number + "_" + utt.replaceAll("[^A-Za-z0-9._-]", "_");
  }
}
