package dev.flowtraining.trainer.train;

/** Why a training that was not interrupted has no next epoch. */
enum Ending {
  MAX_EPOCH("max_epoch"),
  /** As many validations in a row as {@code train_conf.patience} says were no better than the best. */
  PATIENCE("patience");

  private final String setting;

  Ending(String setting) {
    this.setting = setting;
  }

  /** Of {@code train_conf}. */
  String setting() {
    return setting;
  }
}
