package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.batch.Key;
import dev.flowtraining.trainer.batch.MicroBatch;
import dev.flowtraining.trainer.batch.MicroBatches;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.EpochPlan;
import dev.flowtraining.trainer.data.Prefetch;
import dev.flowtraining.trainer.heldout.Validation;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Passes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** The training loop of one rank. Every rank runs it alike; what only rank 0 does is the {@link Journal}'s. */
final class Trainer {
  private final FlowConfig config;
  private final Parameters parameters;
  private final Passes passes;
  private final Learner learner;
  private final LearningRate learningRate;
  private final MicroBatches data;
  private final Validation validation;
  private final Collective collective;
  private final Journal journal;
  private final BooleanSupplier stopRequested;
  private Cursor cursor;
  private boolean stopped;
  private long skipped;
  private int skippedInARow;

  Trainer(Engine engine, Passes passes, Learner learner, MicroBatches data,
      Validation validation, Collective collective, Journal journal, BooleanSupplier stopRequested, Cursor cursor) {
    config = engine.config();
    parameters = learner.parameters();
    this.passes = passes;
    this.learner = learner;
    this.data = data;
    this.validation = validation;
    this.collective = collective;
    this.journal = journal;
    this.stopRequested = stopRequested;
    this.cursor = cursor;
    learningRate = engine.learningRate();
    learner.lossScale().ifPresent(scale -> passes.scaleLoss(scale.scale()));
  }

  /**
   * @param loss of this optimizer step, over all ranks
   * @param gradNorm L2 norm before clipping
   * @param frames valid mel frames of all ranks
   * @param dataWait seconds that the ranks waited for data, on average
   */
  record Step(double loss, double gradNorm, double learningRate, long frames, double dataWait, boolean skipped) {}

  /** @param shuffledLoss the last validation with tokens of other utterances */
  record Outcome(Cursor cursor, Ending ending, double cvLoss, double constantLoss, double shuffledLoss,
      long skippedSteps) {}

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
      if (!patienceIsOver()) {
        cvLoss = validate();
        cursor = cursor.afterEpoch();
        journal.epochDone(cursor, cvLoss);
      }
    }
    if (Double.isNaN(cvLoss)) {
      cvLoss = learner.shown(validation::loss);
    }
    Outcome outcome = new Outcome(cursor, patienceIsOver() ? Ending.PATIENCE : Ending.MAX_EPOCH, cvLoss,
        validation.constantLoss(), learner.shown(validation::shuffledLoss), skipped);
    journal.end(outcome);
    return outcome;
  }

  private boolean patienceIsOver() {
    int patience = config.trainConf().patience();
    return patience > 0 && cursor.validationsSinceBest() >= patience;
  }

  private double validate() throws IOException {
    double cvLoss = learner.shown(validation::loss);
    if (!Double.isFinite(cvLoss)) {
      throw new StageFailure(ExitCode.BAD_DATA, "NonFiniteLoss", "the validation loss after step " + cursor.step()
          + " is " + cvLoss + "; lower train_conf.optim_conf.lr, or look at the dev set");
    }
    double constantLoss = validation.constantLoss(); // before the validation counts as done: it too may be broken off
    if (config.trainConf().streaming() > 0) {
      journal.streaming(cursor, learner.shown(validation::streamingLoss));
    }
    cursor = cursor.afterValidation(cvLoss);
    journal.validated(cursor, cvLoss, constantLoss);
    return cvLoss;
  }

  /** Whether a validation within the epoch is due. */
  private boolean validatesAt(Cursor at, int stepsOfEpoch) {
    int every = config.trainConf().valInterval();
    return every > 0 && at.step() > 0 && at.step() % every == 0 && at.validatedAt() < at.step()
        && at.stepInEpoch() < stepsOfEpoch;
  }

  private void trainEpoch() throws IOException {
    EpochPlan plan = data.plan(cursor.epoch());
    journal.epochStarts(cursor, plan.steps().size());
    if (cursor.stepInEpoch() > 0 && validatesAt(cursor, plan.steps().size())) {
      validate(); // one that was broken off by the end of the process
    }
    try (Prefetch<int[], MicroBatch> source = data.of(plan, cursor.epoch(), cursor.stepInEpoch())) {
      Asked before = null;
      while (cursor.stepInEpoch() < plan.steps().size() && !stopped && !patienceIsOver()) {
        Asked asked = ask(source);
        // a GPU has this step to do while the one before is looked at
        settle(before);
        before = asked;
        boolean last = stopped || cursor.stepInEpoch() == plan.steps().size();
        boolean validates = !stopped && validatesAt(cursor, plan.steps().size());
        // a scale is that of the next step's loss, so the host has to know
        boolean knows = !parameters.device().isGpu() || learner.lossScale().isPresent();
        if (last || knows || validates || journal.looksAt(cursor)) {
          settle(before);
          before = null;
        }
        Double cvLoss = validates ? (Double) validate() : null;
        if (journal.savesAt(cursor) || validates && patienceIsOver()) {
          journal.saveStep(cursor, cvLoss);
        }
      }
    }
  }

  /** A step that the device was asked to do. */
  private record Asked(Cursor after, NDArray lossSum, Update update, double learningRate, double[] counts,
      List<String> utts) {}

  private Asked ask(Prefetch<int[], MicroBatch> source) {
    double waitedBefore = source.waitSeconds();
    List<String> utts = new ArrayList<>();
    long frames = 0;
    passes.begin();
    for (int j = 0; j < config.trainConf().accumGrad(); j++) {
      collective.checkPeers();
      MicroBatch micro = source.next();
      learner.exchange().passBegins(j == config.trainConf().accumGrad() - 1);
      if (!micro.isEmpty()) {
        // dropout depends on the place in the global batch, not on the rank that fills it
        passes.run(micro.batch(), micro.draws(),
            Key.of(config.trainConf().seed(), cursor.step(), j * collective.worldSize() + collective.rank()),
            micro.streaming());
        frames += micro.padded().validFrames();
        utts.addAll(micro.padded().utts());
      }
      learner.exchange().passDone();
    }
    double wait = source.waitSeconds() - waitedBefore;
    double[] counts = collective.allReduce(frames, wait, stopRequested.getAsBoolean() ? 1 : 0);
    stopped = counts[2] > 0;
    // gradients are those of the sum of squares; one factor makes them those of the mean over all ranks
    double rate = learningRate.at(cursor.step());
    NDArray lossSum = passes.lossSum().duplicate();
    Update update = Update.apply(learner.exchange(), learner.optimizer(), rate, mean(counts) / passes.lossScale(),
        config.trainConf().gradClip());
    cursor = cursor.afterStep();
    return new Asked(cursor, lossSum, update, rate, counts, utts);
  }

  private double mean(double[] counts) {
    return 1 / (counts[0] * config.model().outputSize());
  }

  /** Waits until a step is done, and writes down what came of it. */
  private void settle(Asked asked) throws IOException {
    if (asked == null) {
      return;
    }
    try (NDArray lossSum = asked.lossSum; Update update = asked.update) {
      double loss = collective.allReduce(lossSum.getFloat())[0] * mean(asked.counts);
      boolean skip = update.skipped() || !Double.isFinite(loss);
      boolean scaleTooHigh = learner.lossScale().filter(LossScale::canFall).isPresent() && Double.isFinite(loss);
      learner.lossScale().ifPresent(scale -> {
        scale.update(update.skipped());
        passes.scaleLoss(scale.scale());
      });
      Step step = new Step(loss, update.norm(), asked.learningRate, (long) asked.counts[0],
          asked.counts[1] / collective.worldSize(), skip);
      if (skip) {
        skip(asked, step, scaleTooHigh);
      } else {
        skippedInARow = 0;
      }
      journal.stepDone(asked.after, step);
    }
  }

  /** All ranks see the same sums and skip alike. */
  private void skip(Asked asked, Step step, boolean scaleTooHigh) {
    skipped++;
    if (scaleTooHigh) {
      journal.say("step " + (asked.after.step() - 1) + " skipped: its gradients overflowed; the loss is scaled by "
          + learner.lossScale().orElseThrow().scale() + " from now on");
      return;
    }
    skippedInARow++;
    String what = "step " + (asked.after.step() - 1) + " skipped: loss " + step.loss() + ", gradient norm "
        + step.gradNorm() + "; this rank's utterances: " + String.join(" ", asked.utts);
    journal.say(what);
    int most = config.trainConf().maxSkippedSteps();
    if (skippedInARow >= most) {
      throw new StageFailure(ExitCode.BAD_DATA, "NonFiniteLoss", most + " steps in a row had no finite "
          + "loss or gradient; lower train_conf.optim_conf.lr, or look at the data. The last: " + what);
    }
  }

  private StageFailure endEarly() throws IOException {
    String saved = journal.stopping(cursor);
    collective.close(); // in agreement: nobody takes the end of a rank that was faster for a lost peer
    return new StageFailure(ExitCode.TERMINATED, "Terminated",
        "asked to stop at step " + cursor.step() + "; saved " + saved);
  }
}
