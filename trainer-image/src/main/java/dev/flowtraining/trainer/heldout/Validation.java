package dev.flowtraining.trainer.heldout;

import dev.flowtraining.trainer.batch.Key;
import dev.flowtraining.trainer.batch.MicroBatch;
import dev.flowtraining.trainer.batch.MicroBatches;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.EpochPlan;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.data.Examples;
import dev.flowtraining.trainer.data.PaddedBatch;
import dev.flowtraining.trainer.data.Prefetch;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * The loss on the dev set, without dropout. Times, noise, prompts and dropped conditions are the same in every epoch and
 * every run (a fixed seed per utterance), so that two losses differ by their weights alone. Micro-batches are shared out
 * among the ranks and summed in their own order: the number of ranks does not change the result, and which utterances
 * meet in a batch changes no more than the rounding. A rank that is asked to stop breaks off, and every method then
 * ends with {@link StopRequested} on all ranks.
 */
public final class Validation {
  private static final long SEED = 20_240_501;

  private final FlowModel model;
  private final Examples dev;
  private final FlowConfig config;
  private final Collective collective;
  private final BooleanSupplier stopRequested;
  private final MicroBatches microBatches;
  private final List<int[]> plan;
  private double constantLoss = Double.NaN;

  /** Float32, and as in inference no utterance sees the padding that longer ones in its batch make. */
  public static FlowModel model(FlowConfig config, Parameters parameters) {
    return FlowModel.ofMasters(config.model(), config.cfm(), parameters).maskLookAhead(true)
        .chunks(config.trainConf().chunkSize());
  }

  public Validation(
      FlowModel model, Examples dev, FlowConfig config, Collective collective, BooleanSupplier stopRequested) {
    this.model = model;
    this.dev = dev;
    this.config = config;
    this.collective = collective;
    this.stopRequested = stopRequested;
    microBatches = new MicroBatches(dev, config, collective.worldSize(), collective.rank());
    plan = EpochPlan.validation(dev.frames(), config.datasetConf().maxFramesInBatch());
  }

  /** The validation was broken off, so that there is time to save; all ranks agree on it. */
  public static final class StopRequested extends RuntimeException {
    StopRequested() {
      super("asked to stop during the validation");
    }
  }

  /** Σ squared errors / (frames · bins). */
  public double loss() {
    return loss(micro -> micro);
  }

  /**
   * The same with every utterance's tokens replaced by those of the next one in the plan, which is about as long, cut
   * or repeated to its length: what the loss becomes when tokens say nothing about the speech. Draws, speaker and prompt stay.
   */
  public double shuffledLoss() {
    int[] order = plan.stream().flatMapToInt(Arrays::stream).toArray();
    String[] utts = new String[order.length];
    int[][] tokens = new int[order.length][];
    for (int i = 0; i < order.length && !stopRequested.getAsBoolean(); i++) {
      Optional<Example> example = dev.load(order[i]);
      utts[i] = example.map(Example::utt).orElse("");
      tokens[i] = example.map(Example::token_2T).orElse(new int[0]);
    }
    return loss(micro -> new MicroBatch(
        withTokensOfOthers(micro.padded(), Arrays.asList(utts), tokens), micro.draws(), false));
  }

  private static PaddedBatch withTokensOfOthers(PaddedBatch batch, List<String> utts, int[][] tokens) {
    long[] swapped = new long[batch.token_BT2().length];
    for (int b = 0; b < batch.size(); b++) {
      int own = utts.indexOf(batch.utts().get(b));
      int[] other = IntStream.rangeClosed(1, utts.size()).mapToObj(k -> tokens[(own + k) % utts.size()])
          .filter(t -> t.length > 0).findFirst().orElseThrow();
      // alone in the dev set it meets its own tokens out of their place
      int offset = other == tokens[own] ? other.length / 4 * 2 : 0;
      for (int k = 0; k < 2 * batch.tokenLen()[b]; k++) {
        swapped[b * 2 * batch.tokens() + k] = other[(k + offset) % other.length];
      }
    }
    return new PaddedBatch(batch.utts(), swapped, batch.tokenLen(), batch.mel_BFC(), batch.speaker_BS());
  }

  private interface Change {
    MicroBatch of(MicroBatch micro);
  }

  /** The loss with attention that sees no further than its own chunk. */
  public double streamingLoss() {
    return loss(micro -> new MicroBatch(micro.padded(), micro.draws(), true));
  }

  private double loss(Change change) {
    double[] sums = new double[plan.size() + 1];
    boolean brokenOff = false;
    int[] mine = mine();
    try (Prefetch<int[], MicroBatch> source = prefetch(mine)) {
      for (int i : mine) {
        collective.checkPeers();
        if (stopRequested.getAsBoolean()) {
          brokenOff = true;
          break;
        }
        MicroBatch micro = source.next();
        if (!micro.isEmpty()) {
          sums[i] = evaluate(change.of(micro));
          sums[plan.size()] += micro.padded().validFrames();
        }
      }
    }
    // each batch is one rank's and the others add exact zeros; frames are whole numbers
    double[] all = allReduce(sums, brokenOff);
    double sum = 0;
    for (int i = 0; i < plan.size(); i++) {
      sum += all[i];
    }
    return sum / (all[plan.size()] * config.model().outputSize());
  }

  private double[] allReduce(double[] sums, boolean brokenOff) {
    double[] withFlag = Arrays.copyOf(sums, sums.length + 1);
    withFlag[sums.length] = brokenOff ? 1 : 0;
    double[] all = collective.allReduce(withFlag);
    if (all[sums.length] > 0) {
      throw new StopRequested();
    }
    return all;
  }

  private double evaluate(MicroBatch micro) {
    return model.evaluateSum(micro.batch(), micro.draws(), micro.streaming());
  }

  /**
   * The lowest loss that any constant velocity per mel bin reaches on these draws: the mean of u = x1 − (1−σ)·z, which
   * is the mean mel as far as z averages out. What a model must beat to have learnt anything.
   */
  public double constantLoss() {
    if (Double.isNaN(constantLoss)) {
      int bins = config.model().outputSize();
      double[] sums = new double[2 * bins + 1];
      int[] mine = mine();
      boolean brokenOff = false;
      try (Prefetch<int[], MicroBatch> source = prefetch(mine)) {
        while (source.hasNext() && !brokenOff) {
          addVelocities(source.next(), bins, sums);
          brokenOff = source.hasNext() && stopRequested.getAsBoolean();
        }
      }
      double[] all = allReduce(sums, brokenOff);
      double frames = all[2 * bins];
      double error = 0;
      for (int c = 0; c < bins; c++) {
        error += all[bins + c] - all[c] * all[c] / frames;
      }
      constantLoss = error / (frames * bins);
    }
    return constantLoss;
  }

  private void addVelocities(MicroBatch micro, int bins, double[] sums) {
    if (micro.isEmpty()) {
      return;
    }
    PaddedBatch batch = micro.padded();
    int paddedFrames = batch.frames();
    for (int b = 0; b < batch.size(); b++) {
      for (int f = 0; f < 2 * batch.tokenLen()[b]; f++) {
        for (int c = 0; c < bins; c++) {
          double u = batch.mel_BFC()[(b * paddedFrames + f) * bins + c]
              - (1 - config.cfm().sigmaMin()) * micro.draws().z()[(b * bins + c) * paddedFrames + f];
          sums[c] += u;
          sums[bins + c] += u * u;
        }
      }
      sums[2 * bins] += 2.0 * batch.tokenLen()[b];
    }
  }

  private int[] mine() {
    return IntStream.range(0, plan.size()).filter(i -> i % collective.worldSize() == collective.rank()).toArray();
  }

  private Prefetch<int[], MicroBatch> prefetch(int[] mine) {
    return microBatches.prefetch(Arrays.stream(mine).mapToObj(plan::get).toList(), Key.of(SEED));
  }
}
