package dev.flowtraining.trainer.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A set with another mixed in, so that a fine-tune does not forget what the base was trained on. An epoch has every
 * utterance of the first, and as many of the second as make up its weight: others in each epoch, drawn by seed and
 * epoch. Indices of the second follow those of the first.
 */
public final class Replay implements Examples {
  private final Examples own;
  private final Examples replayed;
  private final int ownCount;
  private final int[] frames;
  private final int perEpoch;

  /**
   * @param weight the part of an epoch's utterances that comes from {@code replayed}; less when it has too few
   */
  public Replay(Examples own, Examples replayed, double weight) {
    this.own = own;
    this.replayed = replayed;
    ownCount = own.frames().length;
    frames = IntStream.concat(Arrays.stream(own.frames()), Arrays.stream(replayed.frames())).toArray();
    perEpoch = (int) Math.min(replayed.frames().length, Math.round(ownCount * weight / (1 - weight)));
  }

  /** Utterances of the second set in each epoch. */
  public int perEpoch() {
    return perEpoch;
  }

  @Override
  public int[] frames() {
    return frames;
  }

  @Override
  public List<int[]> rowGroups() {
    return groups(replayed.rowGroups());
  }

  @Override
  public List<int[]> rowGroups(long seed, int epoch) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, replayed.frames().length).boxed().toList());
    Collections.shuffle(order, new Random((seed * 0x9E3779B97F4A7C15L + epoch) * 0xBF58476D1CE4E5B9L + 1));
    boolean[] drawn = new boolean[order.size()];
    order.subList(0, perEpoch).forEach(i -> drawn[i] = true);
    return groups(replayed.rowGroups(seed, epoch).stream()
        .map(group -> Arrays.stream(group).filter(i -> drawn[i]).toArray()).filter(group -> group.length > 0).toList());
  }

  private List<int[]> groups(List<int[]> ofReplayed) {
    return Stream.concat(own.rowGroups().stream(),
        ofReplayed.stream().map(g -> Arrays.stream(g).map(i -> i + ownCount).toArray())).toList();
  }

  @Override
  public Optional<Example> load(int index) {
    return index < ownCount ? own.load(index) : replayed.load(index - ownCount);
  }

  @Override
  public Map<String, String> dropped() {
    Map<String, String> all = new HashMap<>(replayed.dropped());
    all.putAll(own.dropped());
    return all;
  }
}
