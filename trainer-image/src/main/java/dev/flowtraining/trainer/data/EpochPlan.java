package dev.flowtraining.trainer.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Which utterances meet in which micro-batch of an epoch, planned for all ranks at once. A pure function of its
 * arguments, so every rank plans alike without a word.
 *
 * <p>Files are shuffled, utterances pass a shuffle buffer and are sorted in buffers by length, and are then cut into
 * micro-batches by padded frames, as CosyVoice's pipeline does. Beyond it: a step takes {@code microBatchesPerStep}
 * consecutive micro-batches, which are alike in length, and the steps of a sort buffer are shuffled, so that training
 * does not see short utterances first. Every utterance occurs once. When the last step is short of micro-batches, its
 * largest are halved until there is one for each place, so that every rank has work; places stay empty only when its
 * utterances are fewer than its places. As the loss is a sum over all ranks divided by the sum of their masks, neither
 * biases it.
 *
 * @param steps for each optimizer step its micro-batches, for each micro-batch the indices of its utterances, longest
 *     first; micro-batch {@code j·worldSize + r} is the j-th of rank r
 */
public record EpochPlan(List<List<int[]>> steps) {

  /** Sizes that shape the plan, under the names of {@code dataset_conf}. */
  public record Sizes(int maxFramesInBatch, int shuffleSize, int sortSize) {}

  /**
   * @param frames mel frames of each utterance
   * @param files for each file the indices of its utterances
   * @param microBatchesPerStep {@code accum_grad · worldSize}
   */
  public static EpochPlan of(
      int[] frames, List<int[]> files, Sizes sizes, long seed, int epoch, int microBatchesPerStep) {
    Random random = new Random(mix(seed, epoch));
    List<Integer> order = sorted(shuffled(files, sizes.shuffleSize(), random), sizes.sortSize(), frames);
    List<int[]> batches = batches(order, frames, sizes.maxFramesInBatch());
    List<List<int[]>> steps = new ArrayList<>();
    for (int at = 0; at < batches.size(); at += microBatchesPerStep) {
      List<int[]> step =
          new ArrayList<>(batches.subList(at, Math.min(at + microBatchesPerStep, batches.size())));
      fill(step, microBatchesPerStep);
      steps.add(step);
    }
    shuffleWithinBuffers(steps, sizes.sortSize(), random);
    return new EpochPlan(steps);
  }

  /** Micro-batches of a validation: every utterance once, sorted by length, whatever the number of ranks. */
  public static List<int[]> validation(int[] frames, int maxFramesInBatch) {
    List<Integer> order = IntStream.range(0, frames.length).boxed()
        .sorted(Comparator.comparingInt((Integer i) -> frames[i]).thenComparingInt(i -> i)).toList();
    return batches(order, frames, maxFramesInBatch);
  }

  /** The micro-batches of one rank in one step; some may be empty. */
  public List<int[]> ofRank(int step, int rank, int worldSize) {
    List<int[]> all = steps.get(step);
    return IntStream.range(0, all.size()).filter(i -> i % worldSize == rank).mapToObj(all::get).toList();
  }

  private static List<Integer> shuffled(List<int[]> files, int bufferSize, Random random) {
    List<int[]> order = new ArrayList<>(files);
    Collections.shuffle(order, random);
    List<Integer> emitted = new ArrayList<>();
    List<Integer> buffer = new ArrayList<>();
    for (int[] file : order) {
      for (int utterance : file) {
        buffer.add(utterance);
        if (buffer.size() >= bufferSize) {
          Collections.shuffle(buffer, random);
          List<Integer> half = buffer.subList(0, Math.max(1, bufferSize / 2));
          emitted.addAll(half);
          half.clear();
        }
      }
    }
    Collections.shuffle(buffer, random);
    emitted.addAll(buffer);
    return emitted;
  }

  private static List<Integer> sorted(List<Integer> order, int bufferSize, int[] frames) {
    for (int at = 0; at < order.size(); at += bufferSize) {
      order.subList(at, Math.min(at + bufferSize, order.size())).sort(Comparator.comparingInt(i -> frames[i]));
    }
    return order;
  }

  /** A batch is closed when one more utterance would make it larger than the limit; a single one may exceed it. */
  private static List<int[]> batches(List<Integer> order, int[] frames, int maxFrames) {
    List<int[]> batches = new ArrayList<>();
    List<Integer> batch = new ArrayList<>();
    int longest = 0;
    for (int utterance : order) {
      longest = Math.max(longest, frames[utterance]);
      if (!batch.isEmpty() && (long) longest * (batch.size() + 1) > maxFrames) {
        batches.add(longestFirst(batch, frames));
        batch.clear();
        longest = frames[utterance];
      }
      batch.add(utterance);
    }
    if (!batch.isEmpty()) {
      batches.add(longestFirst(batch, frames));
    }
    return batches;
  }

  private static int[] longestFirst(List<Integer> batch, int[] frames) {
    return batch.stream().sorted(Comparator.comparingInt((Integer i) -> -frames[i])).mapToInt(i -> i).toArray();
  }

  private static void fill(List<int[]> step, int places) {
    while (step.size() < places) {
      int largest = IntStream.range(0, step.size()).boxed()
          .max(Comparator.comparingInt((Integer i) -> step.get(i).length).thenComparingInt(i -> -i)).orElseThrow();
      int[] batch = step.get(largest);
      if (batch.length < 2) {
        step.add(new int[0]);
      } else {
        step.set(largest, Arrays.copyOfRange(batch, 0, batch.length / 2));
        step.add(Arrays.copyOfRange(batch, batch.length / 2, batch.length));
      }
    }
  }

  private static void shuffleWithinBuffers(List<List<int[]>> steps, int bufferSize, Random random) {
    int from = 0;
    int utterances = 0;
    for (int to = 1; to <= steps.size(); to++) {
      utterances += steps.get(to - 1).stream().mapToInt(b -> b.length).sum();
      if (utterances >= bufferSize || to == steps.size()) {
        Collections.shuffle(steps.subList(from, to), random);
        from = to;
        utterances = 0;
      }
    }
  }

  private static long mix(long seed, int epoch) {
    return (seed * 0x9E3779B97F4A7C15L + epoch) * 0xBF58476D1CE4E5B9L;
  }
}
