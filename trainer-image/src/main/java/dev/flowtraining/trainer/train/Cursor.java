package dev.flowtraining.trainer.train;

import com.fasterxml.jackson.annotation.JsonAlias;

/**
 * Where a run stands: what is done, and where in the data it goes on.
 *
 * @param epoch the epoch that goes on, from 0
 * @param stepInEpoch optimizer steps of it that are done
 * @param step optimizer steps done in all
 * @param bestCvLoss lowest validation loss so far, null before the first validation
 * @param validationsSinceBest validations since then
 * @param validatedAt the step after which the last validation was, 0 before the first one
 */
record Cursor(int epoch, int stepInEpoch, long step, Double bestCvLoss,
    @JsonAlias("epochsSinceBest") int validationsSinceBest, long validatedAt) {
  static final Cursor START = new Cursor(0, 0, 0, null, 0, 0);

  Cursor afterStep() {
    return new Cursor(epoch, stepInEpoch + 1, step + 1, bestCvLoss, validationsSinceBest, validatedAt);
  }

  Cursor afterValidation(double cvLoss) {
    boolean better = bestCvLoss == null || cvLoss < bestCvLoss;
    return new Cursor(epoch, stepInEpoch, step, better ? (Double) cvLoss : bestCvLoss,
        better ? 0 : validationsSinceBest + 1, step);
  }

  Cursor afterEpoch() {
    return new Cursor(epoch + 1, 0, step, bestCvLoss, validationsSinceBest, validatedAt);
  }

  /** The epoch is begun anew. */
  Cursor atEpochStart() {
    return new Cursor(epoch, 0, step, bestCvLoss, validationsSinceBest, validatedAt);
  }
}
