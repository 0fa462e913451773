package dev.flowtraining.trainer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * One stage. Idempotent: it writes to a temporary name and renames; interrupted, it goes on where it was.
 * {@link StageRunner} skips it when {@link #inputHash} equals the one of its last record.
 */
public interface StageTask {

  /** SHA-256 of all that determines the result: format version, config part, models, the stages before. */
  String inputHash(StageContext context) throws IOException;

  /**
   * SIGTERM interrupts the calling thread: save what is worth saving and throw {@link InterruptedException}; the process
   * then ends with 143.
   */
  Result run(StageContext context) throws IOException, InterruptedException;

  /** Whether what an earlier run wrote is still there; if not, the stage runs again although its input is the same. */
  default boolean resultsPresent(StageContext context) {
    return true;
  }

  /**
   * The files of the result, there or not, and folders that hold nothing else: other runs of the same input may share
   * them ({@link StageCache}), so they are replaced, never written into. Empty for a result that is not shared.
   */
  default List<Path> results(StageContext context) throws IOException {
    return List.of();
  }

  /** Called when the record of the result stands: removes what only an interrupted run would have gone on from. */
  default void removeParts(StageContext context) throws IOException {}

  /** Called when the stage is to be done again: what it would go on from is kept aside. */
  default void setAside(StageContext context) throws IOException {}

  /**
   * @param counts what was done, for the record and for people, such as {@code utterances}
   * @param outputHash SHA-256 that stands for the result in the next stage's input hash
   */
  record Result(Map<String, Object> counts, String outputHash) {}
}
