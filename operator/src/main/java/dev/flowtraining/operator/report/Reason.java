package dev.flowtraining.operator.report;

/** The reasons of events: a closed list, so that alerts can name them. */
public enum Reason {
  RUN_STARTED("RunStarted"),
  STAGE_STARTED("StageStarted"),
  STAGE_COMPLETED("StageCompleted"),
  STAGE_RESTARTED("StageRestarted"),
  TRAINING_RESTARTED("TrainingRestarted"),
  CHECKPOINT_ACCEPTED("CheckpointAccepted"),
  SUSPENDING("Suspending"),
  SUSPENDED("Suspended"),
  RESUMED("Resumed"),
  BLOCKED("Blocked"),
  UNBLOCKED("Unblocked"),
  COMPLETED("Completed"),
  FAILED("Failed"),
  EXPIRED("Expired"),
  TENSORBOARD_READY("TensorBoardReady"),
  TENSORBOARD_UNAVAILABLE("TensorBoardUnavailable"),
  CLEANED("Cleaned"),
  CLEANUP_FAILED("CleanupFailed");

  private final String id;

  Reason(String id) {
    this.id = id;
  }

  public String id() {
    return id;
  }
}
