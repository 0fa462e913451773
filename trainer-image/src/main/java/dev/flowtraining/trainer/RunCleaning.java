package dev.flowtraining.trainer;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The end of a run directory. Only the one whose {@code run.json} names the deleted FlowTraining is touched, and only
 * while nobody works in it; {@code run.json} goes last, so that a cleaning that was interrupted goes on.
 */
final class RunCleaning {
  private final RunLayout layout;
  private final Map<String, String> env;
  private final Progress progress;

  RunCleaning(RunLayout layout, Map<String, String> env, Progress progress) {
    this.layout = layout;
    this.env = env;
    this.progress = progress;
  }

  /**
   * @throws StageFailure 66 {@code RunDirectoryTaken} when it belongs to another FlowTraining, or to this one applied
   *     again; 75 {@code RunDirectoryInUse}
   */
  void run(boolean keepArtifacts) throws IOException {
    if (!Files.exists(layout.runJson())) {
      progress.say(layout.root() + " is no run directory: nothing to remove");
      return;
    }
    RunRecord.demandOwner(layout, env);
    try (RunLock _ = RunLock.take(layout.runLock(), RunLock.me(Ranks.of(env), CleanCommand.NAME), RunLock.WATCH)) {
      Set<Path> last = Set.of(layout.runJson(), layout.runLock(), RunLock.info(layout.runLock()));
      for (Path path : children()) {
        boolean kept = keepArtifacts && path.equals(layout.export());
        if (!kept && !last.contains(path)) {
          Removal.of(path);
        }
      }
      Files.delete(layout.runJson());
    }
    Files.deleteIfExists(layout.runLock());
    try {
      Files.delete(layout.root());
      progress.say(layout.root() + " removed");
    } catch (DirectoryNotEmptyException e) {
      progress.say(layout.root() + " removed but for " + layout.export().getFileName());
    }
  }

  private List<Path> children() throws IOException {
    try (Stream<Path> all = Files.list(layout.root())) {
      return all.toList();
    }
  }
}
