package dev.flowtraining.trainer.batch;

import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.PaddedBatch;
import dev.flowtraining.trainer.model.Draws;
import java.util.SplittableRandom;

/**
 * The random part of a training forward, drawn for each utterance from a key of its own: what an utterance meets in an
 * epoch depends neither on its neighbours nor on the rank, nor on whether the run was interrupted.
 */
public final class KeyedDraws {
  private KeyedDraws() {}

  /** @param key of the epoch; the same key gives every utterance the same draws */
  public static Draws of(PaddedBatch batch, FlowConfig.FlowMatching matching, long key) {
    int bins = batch.melBins();
    int paddedFrames = batch.frames();
    float[] t = new float[batch.size()];
    float[] z_BCF = new float[batch.size() * bins * paddedFrames];
    int[] promptFrames = new int[batch.size()];
    boolean[] drop = new boolean[batch.size()];
    for (int b = 0; b < batch.size(); b++) {
      SplittableRandom random = new SplittableRandom(Key.of(key, Key.of(batch.utts().get(b))));
      int frames = 2 * batch.tokenLen()[b];
      t[b] = random.nextInt(1 << 24) / (float) (1 << 24);
      boolean prompted = random.nextDouble() < matching.promptProbability();
      int longest = (int) Math.floor(matching.promptFraction() * frames);
      int first = random.nextInt(longest + 1);
      promptFrames[b] = prompted ? first : 0;
      drop[b] = random.nextDouble() < matching.trainingCfgRate();
      for (int c = 0; c < bins; c++) {
        int at = (b * bins + c) * paddedFrames;
        for (int f = 0; f < frames; f++) {
          z_BCF[at + f] = (float) random.nextGaussian();
        }
      }
    }
    return new Draws(t, z_BCF, promptFrames, drop);
  }
}
