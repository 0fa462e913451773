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
 * <p>What is as in CosyVoice's pipeline: utterances pass a shuffle buffer, are sorted in buffers by length and cut into
 * micro-batches by padded frames. What is not, on purpose:
 * <ul>
 *   <li>A step has {@code accum_grad · worldSize} places. The shuffled row groups, one after the other, are cut into a
 *       stretch of equal frames for each place, and a place works through its own: a rank reads only its part of the
 *       data (upstream shares out whole files, which with few files leaves ranks idle or gives them the same ones). The
 *       global batch is the same for 1 rank that accumulates 4 and for 4 ranks that do not.
 *   <li>Every utterance occurs once an epoch, whatever the number of files.
 *   <li>All places get the same number of micro-batches (upstream's ranks do not, and wait for each other with a join):
 *       a place that is short of some halves its largest. Places stay empty only when they have too few utterances. As
 *       the loss is a sum over all ranks divided by the sum of their masks, neither biases it.
 *   <li>Steps of a sort buffer are shuffled, so that training does not see short utterances first.
 *   <li>A first utterance beyond the limit is a batch of its own (upstream yields an empty batch before it and fails).
 *   <li>Workers only load what is planned: their number changes nothing.
 * </ul>
 *
 * @param steps for each optimizer step its micro-batches, for each micro-batch the indices of its utterances, longest
 *     first; micro-batch {@code j·worldSize + r} is the j-th of rank r
 */
public record EpochPlan(List<List<int[]>> steps) {

  /** Sizes that shape the plan, under the names of {@code dataset_conf}. */
  public record Sizes(int maxFramesInBatch, int shuffleSize, int sortSize) {}

  /**
   * @param frames mel frames of each utterance
   * @param rowGroups for each row group the indices of its utterances
   * @param places {@code accum_grad · worldSize}
   */
  public static EpochPlan of(
      int[] frames, List<int[]> rowGroups, Sizes sizes, long seed, int epoch, int places) {
    Random random = new Random(mix(seed, epoch));
    List<List<int[]>> byPlace = new ArrayList<>();
    for (int[] stretch : stretches(rowGroups, frames, places, random)) {
      int[] order = shuffled(stretch, sizes.shuffleSize(), random);
      byPlace.add(batches(sorted(order, sizes.sortSize(), frames), frames, sizes.maxFramesInBatch()));
    }
    int count = byPlace.stream().mapToInt(List::size).max().orElse(0);
    byPlace.forEach(batches -> fill(batches, count));
    List<List<int[]>> steps = new ArrayList<>();
    for (int step = 0; step < count; step++) {
      int s = step;
      steps.add(byPlace.stream().map(batches -> batches.get(s)).toList());
    }
    shuffleWithinBuffers(steps, (long) sizes.sortSize() * places, random);
    return new EpochPlan(steps);
  }

  /** Micro-batches of a validation: every utterance once, sorted by length, whatever the number of ranks. */
  public static List<int[]> validation(int[] frames, int maxFramesInBatch) {
    int[] order = IntStream.range(0, frames.length).boxed()
        .sorted(Comparator.comparingInt((Integer i) -> frames[i]).thenComparingInt(i -> i)).mapToInt(i -> i).toArray();
    return batches(order, frames, maxFramesInBatch);
  }

  /** The micro-batches of one rank in one step; some may be empty. */
  public List<int[]> ofRank(int step, int rank, int worldSize) {
    List<int[]> all = steps.get(step);
    return IntStream.range(0, all.size()).filter(i -> i % worldSize == rank).mapToObj(all::get).toList();
  }

  /** The row groups in a random order, cut into parts of about equal frames, each with an utterance if it can be. */
  private static List<int[]> stretches(List<int[]> rowGroups, int[] frames, int places, Random random) {
    List<int[]> groups = new ArrayList<>(rowGroups);
    Collections.shuffle(groups, random);
    int[] order = groups.stream().flatMapToInt(Arrays::stream).toArray();
    double total = Arrays.stream(order).mapToLong(i -> frames[i]).sum();
    List<int[]> stretches = new ArrayList<>();
    int from = 0;
    long sum = 0;
    for (int place = 0; place < places; place++) {
      int to = from;
      int keep = places - place - 1; // one at least for each place to come
      while (to < order.length && (place == places - 1 || to == from
          || to + keep < order.length && sum + frames[order[to]] / 2 < total * (place + 1) / places)) {
        sum += frames[order[to++]];
      }
      stretches.add(Arrays.copyOfRange(order, from, to));
      from = to;
    }
    return stretches;
  }

  private static int[] shuffled(int[] order, int bufferSize, Random random) {
    int[] emitted = new int[order.length];
    int[] buffer = new int[Math.min(bufferSize, order.length)];
    int half = Math.max(1, bufferSize / 2);
    int waiting = 0;
    int out = 0;
    for (int utterance : order) {
      buffer[waiting++] = utterance;
      if (waiting >= bufferSize) {
        shuffle(buffer, waiting, random);
        System.arraycopy(buffer, 0, emitted, out, half);
        out += half;
        waiting -= half;
        System.arraycopy(buffer, half, buffer, 0, waiting);
      }
    }
    shuffle(buffer, waiting, random);
    System.arraycopy(buffer, 0, emitted, out, waiting);
    return emitted;
  }

  /** Fisher and Yates. */
  private static void shuffle(int[] values, int count, Random random) {
    for (int i = count; i > 1; i--) {
      int j = random.nextInt(i);
      int swapped = values[i - 1];
      values[i - 1] = values[j];
      values[j] = swapped;
    }
  }

  private static int[] sorted(int[] order, int bufferSize, int[] frames) {
    int[] sorted = new int[order.length];
    for (int from = 0; from < order.length; from += bufferSize) {
      int[] buffer = Arrays.stream(order, from, Math.min(from + bufferSize, order.length)).boxed()
          .sorted(Comparator.comparingInt(i -> frames[i])).mapToInt(i -> i).toArray();
      System.arraycopy(buffer, 0, sorted, from, buffer.length);
    }
    return sorted;
  }

  /** A batch is closed when one more utterance would make it larger than the limit; a single one may exceed it. */
  static List<int[]> batches(int[] order, int[] frames, int maxFrames) {
    List<int[]> batches = new ArrayList<>();
    int from = 0;
    int longest = 0;
    for (int at = 0; at < order.length; at++) {
      longest = Math.max(longest, frames[order[at]]);
      if (at > from && (long) longest * (at - from + 1) > maxFrames) {
        batches.add(longestFirst(order, from, at, frames));
        from = at;
        longest = frames[order[at]];
      }
    }
    if (order.length > from) {
      batches.add(longestFirst(order, from, order.length, frames));
    }
    return batches;
  }

  private static int[] longestFirst(int[] order, int from, int to, int[] frames) {
    return Arrays.stream(order, from, to).boxed().sorted(Comparator.comparingInt((Integer i) -> -frames[i]))
        .mapToInt(i -> i).toArray();
  }

  /** Halves the largest in their place, which keeps the order by length. */
  private static void fill(List<int[]> batches, int count) {
    while (batches.size() < count) {
      int largest = IntStream.range(0, batches.size()).boxed()
          .max(Comparator.comparingInt((Integer i) -> batches.get(i).length).thenComparingInt(i -> -i)).orElse(-1);
      if (largest < 0 || batches.get(largest).length < 2) {
        batches.add(new int[0]);
      } else {
        int[] batch = batches.get(largest);
        // its first half is the longer one
        batches.set(largest, Arrays.copyOfRange(batch, batch.length / 2, batch.length));
        batches.add(largest + 1, Arrays.copyOfRange(batch, 0, batch.length / 2));
      }
    }
  }

  private static void shuffleWithinBuffers(List<List<int[]>> steps, long bufferSize, Random random) {
    int from = 0;
    long utterances = 0;
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
