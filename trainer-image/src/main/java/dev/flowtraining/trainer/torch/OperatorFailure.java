package dev.flowtraining.trainer.torch;

/** libtorch refused or could not finish an operator; it printed its own message to standard error. */
public final class OperatorFailure extends RuntimeException {
  OperatorFailure(String message) {
    super(message);
  }

  OperatorFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
