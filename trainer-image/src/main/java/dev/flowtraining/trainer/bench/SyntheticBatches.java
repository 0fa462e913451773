package dev.flowtraining.trainer.bench;

import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.model.Batch;
import dev.flowtraining.trainer.model.Draws;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Batches of random content: utterances of 3 to 15 s, median 6.4 s, 25 Hz tokens in whole 2:3 groups, buffers of 500
 * sorted by length and cut so that longest × count stays within the frames of a batch.
 */
final class SyntheticBatches {
  private final List<int[]> lengths;
  private final ModelConfig model;
  private final RandomGenerator content;

  private SyntheticBatches(ModelConfig model, List<int[]> lengths, int seed) {
    this.model = model;
    this.lengths = lengths;
    content = new SplittableRandom(seed);
  }

  /** Every rank draws and shuffles its own, as the Python bench's ranks do. */
  static SyntheticBatches own(ModelConfig model, int count, int maxFrames, int seed, int rank) {
    int mine = ofRank(seed, rank);
    return new SyntheticBatches(model, shuffled(maxFrames, count, mine).subList(0, count), mine);
  }

  /**
   * Every rank draws its own, and they meet as in training's plan of an epoch: batches of a step are of like length.
   * Rank 0 has the same ones in the same order as with {@link #own}.
   */
  static SyntheticBatches dealt(ModelConfig model, int count, int maxFrames, int seed, int rank) {
    List<int[]> mine = new ArrayList<>(shuffled(maxFrames, count, ofRank(seed, rank)));
    List<int[]> dealt = new ArrayList<>();
    for (int[] first : shuffled(maxFrames, count, ofRank(seed, 0)).subList(0, count)) {
      dealt.add(mine.remove(like(first, mine)));
    }
    return new SyntheticBatches(model, dealt, ofRank(seed, rank));
  }

  private static int ofRank(int seed, int rank) {
    return seed + 7 * rank;
  }

  /** The first batch whose longest and then whose number of utterances is nearest. */
  private static int like(int[] batch, List<int[]> others) {
    return IntStream.range(0, others.size()).boxed().min(
        Comparator.comparingInt((Integer i) -> Math.abs(others.get(i)[0] - batch[0]))
            .thenComparingInt(i -> Math.abs(others.get(i).length - batch.length))).orElseThrow();
  }

  private static List<int[]> shuffled(int maxFrames, int least, int seed) {
    PythonRandom random = new PythonRandom(seed);
    List<int[]> groups = new ArrayList<>();
    while (groups.size() < least) {
      int[] sorted = IntStream.range(0, 500).map(i -> tokens(random)).sorted().toArray();
      List<Integer> group = new ArrayList<>();
      int longest = 0;
      for (int n : sorted) {
        longest = Math.max(longest, 2 * n);
        if (!group.isEmpty() && longest * (group.size() + 1) > maxFrames) {
          groups.add(descending(group));
          group.clear();
          longest = 2 * n;
        }
        group.add(n);
      }
      groups.add(descending(group));
    }
    random.shuffle(groups);
    return groups;
  }

  /** The lengths of a batch in tokens, longest first. */
  int[] lengths(int index) {
    return lengths.get(index);
  }

  private static int tokens(PythonRandom random) {
    double seconds = Math.clamp(random.logNormal(1.85, 0.42), 3, 15);
    return Math.max(3, (int) (seconds * 25) / 3 * 3);
  }

  private static int[] descending(List<Integer> group) {
    return group.stream().sorted(Collections.reverseOrder()).mapToInt(Integer::intValue).toArray();
  }

  int size() {
    return lengths.size();
  }

  Batch batch(int index) {
    int[] n = lengths.get(index);
    int longest = n[0];
    int bins = model.outputSize();
    long[] token = new long[n.length * longest * 2];
    float[] mel = new float[n.length * longest * 2 * bins];
    float[] speaker = new float[n.length * model.spkEmbedDim()];
    for (int i = 0; i < n.length; i++) {
      for (int j = 0; j < 2 * n[i]; j++) {
        token[i * longest * 2 + j] = content.nextInt(model.vocabSize());
      }
      for (int j = 0; j < 2 * n[i] * bins; j++) {
        mel[i * longest * 2 * bins + j] = (float) (content.nextGaussian() * 2 - 5);
      }
    }
    for (int i = 0; i < speaker.length; i++) {
      speaker[i] = (float) content.nextGaussian();
    }
    return new Batch(IntStream.range(0, n.length).mapToObj(i -> "utt" + i).toList(), token, n, mel, speaker);
  }

  /** Fresh draws for a batch: half of the utterances have a prompt, a fifth lose their conditions. */
  Draws draws(Batch batch) {
    float[] t = new float[batch.size()];
    int[] prompt = new int[batch.size()];
    boolean[] drop = new boolean[batch.size()];
    for (int i = 0; i < t.length; i++) {
      t[i] = (float) content.nextDouble();
      prompt[i] = content.nextBoolean() ? 0 : content.nextInt((int) (0.6 * batch.tokenLen()[i]) + 1);
      drop[i] = content.nextDouble() < 0.2;
    }
    float[] z = new float[Math.toIntExact(batch.paddedFrames()) * model.outputSize()];
    for (int i = 0; i < z.length; i++) {
      z[i] = (float) content.nextGaussian();
    }
    return new Draws(t, z, prompt, drop);
  }
}
