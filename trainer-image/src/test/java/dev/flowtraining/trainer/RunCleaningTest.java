package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunCleaningTest {
  private static final Map<String, String> DEMO = of("demo", "uid-1");

  @TempDir Path folder;
  private RunLayout layout;

  private static Map<String, String> of(String name, String uid) {
    return Map.of("FLOWTRAINING_NAMESPACE", "speech", "FLOWTRAINING_NAME", name, "FLOWTRAINING_RUN_ID", uid);
  }

  @BeforeEach
  void aRun() throws IOException {
    layout = new RunLayout(folder.resolve("demo"));
    WholeFile.text(layout.export().resolve("flow.pt"), "weights");
    WholeFile.text(layout.attempt(1).resolve("step_5.pt"), "checkpoint");
    WholeFile.text(layout.stageRecord(Stage.EXPORT), "{}");
    RunRecord.claim(layout, DEMO).write(layout);
  }

  private void clean(Map<String, String> env, boolean keepArtifacts) throws IOException {
    new RunCleaning(layout, env, Progress.NONE).run(keepArtifacts);
  }

  private void refused(Map<String, String> env, String reason) {
    assertThatThrownBy(() -> clean(env, false)).isInstanceOfSatisfying(StageFailure.class,
        e -> assertThat(e.reason()).isEqualTo(reason));
    assertThat(layout.attempt(1).resolve("step_5.pt")).exists();
    assertThat(layout.runJson()).exists();
  }

  @Test
  void nothing_of_the_run_is_left() throws Exception {
    clean(DEMO, false);
    assertThat(folder).isEmptyDirectory();
    clean(DEMO, false); // again, as a Job that was interrupted
  }

  @Test
  void artifacts_stay_when_they_are_to() throws Exception {
    clean(DEMO, true);
    assertThat(layout.root()).isDirectoryContaining(layout.export()::equals);
    try (var left = Files.walk(layout.root())) {
      assertThat(left.filter(Files::isRegularFile)).containsExactly(layout.export().resolve("flow.pt"));
    }
  }

  @Test
  void the_directory_of_another_and_of_one_that_was_applied_again_is_left_alone() throws Exception {
    refused(of("other", "uid-1"), "RunDirectoryTaken");
    refused(of("demo", "uid-2"), "RunDirectoryTaken");
    Files.delete(layout.runJson());
    clean(DEMO, false);
    assertThat(layout.attempt(1).resolve("step_5.pt")).as("no run's directory").exists();
  }

  @Test
  void a_directory_in_use_is_left_alone() throws Exception {
    try (RunLock _ = RunLock.take(layout, Ranks.of(of("demo", "uid-1")), Stage.TRAIN)) {
      refused(DEMO, "RunDirectoryInUse");
    }
    clean(DEMO, false);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void links_are_removed_and_what_they_lead_to_stays() throws Exception {
    Path own = Files.writeString(Files.createDirectories(folder.resolve("mine")).resolve("speech.wav"), "mine");
    Files.createSymbolicLink(layout.root().resolve("link"), own.getParent());
    clean(DEMO, false);
    assertThat(layout.root()).doesNotExist();
    assertThat(own).hasContent("mine");
  }
}
