package dev.flowtraining.trainer.train;

/**
 * Where a run stands: what is done, and where in the data it goes on.
 *
 * @param epoch the epoch that goes on, from 0
 * @param stepInEpoch optimizer steps of it that are done
 * @param step optimizer steps done in all
 * @param bestCvLoss lowest validation loss so far, null before the first validation
 * @param epochsSinceBest validations since then
 */
record Cursor(int epoch, int stepInEpoch, long step, Double bestCvLoss, int epochsSinceBest) {
  static final Cursor START = new Cursor(0, 0, 0, null, 0);

  Cursor afterStep() {
    return new Cursor(epoch, stepInEpoch + 1, step + 1, bestCvLoss, epochsSinceBest);
  }

  Cursor afterEpoch(double cvLoss) {
    boolean better = bestCvLoss == null || cvLoss < bestCvLoss;
    return new Cursor(
        epoch + 1, 0, step, better ? (Double) cvLoss : bestCvLoss, better ? 0 : epochsSinceBest + 1);
  }
}
