package dev.flowtraining.trainer;

import java.util.Map;

/** Where a stage says how far it is: a line of JSON, a bar on a terminal, the run's ConfigMap. Losing it never hurts. */
public interface Progress {

  /**
   * @param fraction 0…1 of the stage
   * @param fields further keys of {@code progress.json}, such as {@code epoch} and {@code loss}; may be empty
   */
  void update(Stage stage, double fraction, String message, Map<String, Object> fields);

  default void update(Stage stage, double fraction, String message) {
    update(stage, fraction, message, Map.of());
  }

  /** A line for people. */
  default void say(String line) {}

  /** For tests and for callers that show nothing. */
  Progress NONE = (stage, fraction, message, fields) -> {};
}
