package dev.flowtraining.trainer.batch;

import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.EpochPlan;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.data.Examples;
import dev.flowtraining.trainer.data.PaddedBatch;
import dev.flowtraining.trainer.data.Prefetch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;

/** Turns the plan of an epoch into this rank's micro-batches, loaded ahead by threads. */
public final class MicroBatches {
  /** Part of the key of the draws that say which batches are streaming. */
  private static final long STREAMING = 1;

  private final Examples examples;
  private final FlowConfig config;
  private final int worldSize;
  private final int rank;

  public MicroBatches(Examples examples, FlowConfig config, int worldSize, int rank) {
    this.examples = examples;
    this.config = config;
    this.worldSize = worldSize;
    this.rank = rank;
  }

  public int perStep() {
    return config.trainConf().accumGrad() * worldSize;
  }

  public EpochPlan plan(int epoch) {
    FlowConfig.Dataset dataset = config.datasetConf();
    var sizes = new EpochPlan.Sizes(dataset.maxFramesInBatch(), dataset.shuffleSize(), dataset.sortSize());
    long seed = config.trainConf().seed();
    return EpochPlan.of(examples.frames(), examples.rowGroups(seed, epoch), sizes, seed, epoch, perStep());
  }

  /** From a step of the epoch on, {@code accum_grad} micro-batches a step. */
  public Prefetch<int[], MicroBatch> of(EpochPlan plan, int epoch, int fromStep) {
    List<int[]> mine = new ArrayList<>();
    for (int step = fromStep; step < plan.steps().size(); step++) {
      mine.addAll(plan.ofRank(step, rank, worldSize));
    }
    long key = Key.of(config.trainConf().seed(), epoch);
    return prefetch(mine, micro -> inStreaming(micro, key), key);
  }

  /** A share of the batches; by the utterance that comes first, so that ranks and restarts change nothing. */
  private MicroBatch inStreaming(MicroBatch micro, long key) {
    double share = config.trainConf().streaming();
    boolean streaming = !micro.isEmpty() && share > 0 && new SplittableRandom(
        Key.of(key, STREAMING, Key.of(micro.padded().utts().getFirst()))).nextDouble() < share;
    return streaming ? new MicroBatch(micro.padded(), micro.draws(), true) : micro;
  }

  /** Given micro-batches, every utterance with draws of the key. */
  public Prefetch<int[], MicroBatch> prefetch(List<int[]> plan, long key) {
    return prefetch(plan, UnaryOperator.identity(), key);
  }

  private Prefetch<int[], MicroBatch> prefetch(List<int[]> plan, UnaryOperator<MicroBatch> change, long key) {
    FlowConfig.Dataset dataset = config.datasetConf();
    return new Prefetch<>(plan, this::bytes, indices -> change.apply(make(indices, key)), dataset.numWorkers(),
        dataset.prefetch(), (long) dataset.prefetchMib() << 20);
  }

  /** One micro-batch, by the calling thread. */
  public MicroBatch make(int[] indices, long key) {
    List<Example> loaded = Arrays.stream(indices).mapToObj(examples::load).flatMap(Optional::stream).toList();
    if (loaded.isEmpty()) {
      return MicroBatch.EMPTY;
    }
    PaddedBatch padded = PaddedBatch.of(loaded);
    return new MicroBatch(padded, KeyedDraws.of(padded, config.cfm(), key), false);
  }

  /** Mel and noise make up nearly all of it. */
  private long bytes(int[] indices) {
    long longest = Arrays.stream(indices).map(i -> examples.frames()[i]).max().orElse(0);
    return 2 * indices.length * longest * config.model().outputSize() * Float.BYTES;
  }
}
