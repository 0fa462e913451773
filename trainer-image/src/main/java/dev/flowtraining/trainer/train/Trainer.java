package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.EpochPlan;
import dev.flowtraining.trainer.data.Prefetch;
import dev.flowtraining.trainer.model.Batch;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Torch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** The training loop of one rank. Every rank runs it alike; what only rank 0 does is the {@link Journal}'s. */
final class Trainer {
  private static final int MOST_SKIPS_IN_A_ROW = 10;

  private final FlowConfig config;
  private final Parameters parameters;
  private final FlowModel model;
  private final Adam adam;
  private final LearningRate learningRate;
  private final MicroBatches data;
  private final Validation validation;
  private final Collective collective;
  private final Journal journal;
  private final BooleanSupplier stopRequested;
  private final double dropout;
  private Cursor cursor;
  private boolean stopped;
  private long skipped;
  private int skippedInARow;

  Trainer(FlowConfig config, Parameters parameters, FlowModel model, Adam adam, MicroBatches data,
      Validation validation, Collective collective, Journal journal, BooleanSupplier stopRequested, Cursor cursor) {
    this.config = config;
    this.parameters = parameters;
    this.model = model;
    this.adam = adam;
    this.data = data;
    this.validation = validation;
    this.collective = collective;
    this.journal = journal;
    this.stopRequested = stopRequested;
    this.cursor = cursor;
    learningRate = LearningRate.of(config.trainConf());
    Double override = config.trainConf().dropout();
    dropout = override == null ? config.model().encoder().dropoutRate() : override;
  }

  /**
   * @param loss of this optimizer step, over all ranks
   * @param gradNorm L2 norm before clipping
   * @param frames valid mel frames of all ranks
   * @param dataWait seconds that the ranks waited for data, on average
   */
  record Step(double loss, double gradNorm, double learningRate, long frames, double dataWait, boolean skipped) {}

  /** @param shuffledLoss the last validation with tokens of other utterances */
  record Outcome(Cursor cursor, double cvLoss, double constantLoss, double shuffledLoss, long skippedSteps) {}

  Outcome train() throws IOException {
    try {
      return trainToTheEnd();
    } catch (Validation.StopRequested e) {
      throw endEarly();
    }
  }

  private Outcome trainToTheEnd() throws IOException {
    double cvLoss = Double.NaN;
    while (cursor.epoch() < config.trainConf().maxEpoch() && !patienceIsOver()) {
      trainEpoch();
      if (stopped) {
        throw endEarly();
      }
      cvLoss = validation.loss();
      if (!Double.isFinite(cvLoss)) {
        throw new StageFailure(ExitCode.BAD_DATA, "NonFiniteLoss", "the validation loss after epoch " + cursor.epoch()
            + " is " + cvLoss + "; lower train_conf.optim_conf.lr, or look at the dev set");
      }
      double constantLoss = validation.constantLoss(); // before the epoch counts as done: it too may be broken off
      int epoch = cursor.epoch();
      cursor = cursor.afterEpoch(cvLoss);
      journal.epochDone(epoch, cursor, cvLoss, constantLoss, adam);
    }
    if (Double.isNaN(cvLoss)) {
      cvLoss = validation.loss();
    }
    Outcome outcome =
        new Outcome(cursor, cvLoss, validation.constantLoss(), validation.shuffledLoss(), skipped);
    journal.end(outcome);
    return outcome;
  }

  private boolean patienceIsOver() {
    int patience = config.trainConf().patience();
    return patience > 0 && cursor.epochsSinceBest() >= patience;
  }

  private void trainEpoch() throws IOException {
    EpochPlan plan = data.plan(cursor.epoch());
    journal.epochStarts(cursor, plan.steps().size());
    try (Prefetch<int[], MicroBatch> source = data.of(plan, cursor.epoch(), cursor.stepInEpoch())) {
      while (cursor.stepInEpoch() < plan.steps().size() && !stopped) {
        Step step = trainStep(source);
        cursor = cursor.afterStep();
        journal.stepDone(cursor, step, adam);
      }
    }
  }

  private Step trainStep(Prefetch<int[], MicroBatch> source) {
    double waitedBefore = source.waitSeconds();
    List<String> utts = new ArrayList<>();
    double lossSum = 0;
    long frames = 0;
    parameters.zeroGrad();
    for (int j = 0; j < config.trainConf().accumGrad(); j++) {
      collective.checkPeers();
      MicroBatch micro = source.next();
      if (!micro.isEmpty()) {
        lossSum += forwardBackward(micro, j * collective.worldSize() + collective.rank());
        frames += micro.padded().validFrames();
        utts.addAll(micro.padded().utts());
      }
    }
    double wait = source.waitSeconds() - waitedBefore;
    double[] all = collective.allReduce(lossSum, frames, wait, stopRequested.getAsBoolean() ? 1 : 0);
    stopped = all[3] > 0;
    if (collective.worldSize() > 1) {
      collective.allReduce(parameters.gradData());
    }
    // gradients are those of the sum of squares; one factor makes them those of the mean over all ranks
    double scale = 1 / (all[1] * config.model().outputSize());
    double loss = all[0] * scale;
    double norm = GradientNorm.l2(parameters) * scale;
    double rate = learningRate.at(cursor.step());
    boolean finite = Double.isFinite(loss) && Double.isFinite(norm);
    if (finite) {
      adam.step(rate, scale * clip(config.trainConf().gradClip(), norm));
      skippedInARow = 0;
    } else {
      skip(loss, norm, utts);
    }
    return new Step(loss, norm, rate, (long) all[1], all[2] / collective.worldSize(), !finite);
  }

  /** torch's {@code clip_grad_norm_}; a limit of 0 clips nothing, as with DeepSpeed. */
  static double clip(double limit, double norm) {
    return limit == 0 ? 1 : Math.min(1, limit / (norm + 1e-6));
  }

  private double forwardBackward(MicroBatch micro, int place) {
    try (NDManager manager = NDManager.newBaseManager(parameters.device(), "PyTorch");
        Batch batch = micro.batch(manager)) {
      // dropout depends on the place in the global batch, not on the rank that fills it
      Torch.seed(Key.of(config.trainConf().seed(), cursor.step(), place));
      NDArray loss = model.lossSum(batch, micro.draws(), dropout, manager);
      Backward.run(loss);
      return loss.getFloat();
    }
  }

  /** All ranks see the same sums and skip alike. */
  private void skip(double loss, double norm, List<String> utts) {
    skipped++;
    skippedInARow++;
    String what = "step " + cursor.step() + " skipped: loss " + loss + ", gradient norm " + norm
        + "; this rank's utterances: " + String.join(" ", utts);
    journal.say(what);
    if (skippedInARow >= MOST_SKIPS_IN_A_ROW) {
      throw new StageFailure(ExitCode.BAD_DATA, "NonFiniteLoss", MOST_SKIPS_IN_A_ROW + " steps in a row had no finite "
          + "loss or gradient; lower train_conf.optim_conf.lr, or look at the data. The last: " + what);
    }
  }

  private StageFailure endEarly() throws IOException {
    String saved = journal.stopping(cursor, adam);
    collective.close(); // in agreement: nobody takes the end of a rank that was faster for a lost peer
    return new StageFailure(ExitCode.TERMINATED, "Terminated",
        "asked to stop at step " + cursor.step() + "; saved " + saved);
  }
}
