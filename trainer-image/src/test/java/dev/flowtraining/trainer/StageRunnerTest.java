package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.progress.RunReport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StageRunnerTest {
  @TempDir Path folder;
  private final Map<String, String> env = new HashMap<>(Map.of(
      "FLOWTRAINING_NAMESPACE", "speech", "FLOWTRAINING_NAME", "demo", "FLOWTRAINING_RUN_ID", "uid-1"));

  /** A stage that counts its runs. */
  private static final class Counting implements StageTask {
    private String input = "a";
    private boolean present = true;
    private RuntimeException failure;
    private int runs;
    private int aside;

    @Override
    public void setAside(StageContext context) {
      aside++;
    }

    @Override
    public String inputHash(StageContext context) {
      return input;
    }

    @Override
    public boolean resultsPresent(StageContext context) {
      return present;
    }

    @Override
    public Result run(StageContext context) {
      runs++;
      if (failure != null) {
        throw failure;
      }
      return new Result(Map.of("runs", runs), "out-" + input);
    }
  }

  private RunLayout layout() {
    return new RunLayout(folder.resolve("run"));
  }

  private void run(StageTask task) throws IOException, InterruptedException {
    RunReport report = new RunReport("local", 1, new PrintStream(new ByteArrayOutputStream()), false, Optional.empty(),
        Clock.systemUTC());
    StageContext context = new StageContext(layout(), ConfigLoader.preset("tiny"), null, Ranks.of(env), report);
    new StageRunner(context, report, env, Optional.empty()).run(Stage.PARQUET, task, Step.WHOLE);
  }

  @Test
  void aStageRunsOnceForTheSameInputAndAgainForAnother() throws Exception {
    Counting task = new Counting();
    run(task);
    run(task);
    assertThat(task.runs).isEqualTo(1);
    task.input = "b";
    run(task);
    assertThat(task.runs).isEqualTo(2);
    StageRecord record = StageRecord.require(layout(), Stage.PARQUET);
    assertThat(record.inputHash()).isEqualTo("b");
    assertThat(record.outputHash()).isEqualTo("out-b");
    assertThat(record.counts()).containsEntry("runs", 2);
    assertThat(record.versions()).containsKey("java");
  }

  @Test
  void aStageRunsAgainWhenItsResultIsGone() throws Exception {
    Counting task = new Counting();
    run(task);
    task.present = false;
    run(task);
    assertThat(task.runs).isEqualTo(2);
  }

  @Test
  void aFailureLeavesNoRecordThatCouldPassForSuccess() throws Exception {
    Counting task = new Counting();
    run(task);
    task.input = "b";
    task.failure = new StageFailure(ExitCode.BAD_DATA, "TooManyRejects", "?");
    assertThatThrownBy(() -> run(task)).isSameAs(task.failure);
    task.input = "a";
    task.failure = null;
    run(task);
    assertThat(task.runs).isEqualTo(3);
  }

  @Test
  void aWishToRunAgainIsGrantedOnce() throws Exception {
    Counting task = new Counting();
    run(task);
    env.put("FLOWTRAINING_RERUN", "parquet/2");
    task.failure = new StageFailure(ExitCode.RETRYABLE, "IoError", "?");
    assertThatThrownBy(() -> run(task)).isSameAs(task.failure);
    task.failure = null;
    run(task);
    assertThat(task.runs).isEqualTo(3);
    assertThat(task.aside).as("the second attempt goes on where the first one was").isEqualTo(1);
    env.put("FLOWTRAINING_RUN_ID", "uid-2");
    run(task);
    assertThat(task.runs).as("applied again").isEqualTo(3);
    env.remove("FLOWTRAINING_RERUN");
    run(task);
    assertThat(task.runs).as("a wish that is taken back").isEqualTo(3);
    env.put("FLOWTRAINING_RERUN", "parquet/3");
    run(task);
    assertThat(task.runs).isEqualTo(4);
  }

  @Test
  void ofSeveralRanksEachRunsAndTheFirstAloneWrites() throws Exception {
    env.putAll(Map.of("WORLD_SIZE", "2", "LOCAL_WORLD_SIZE", "2", "LOCAL_RANK", "1"));
    Counting second = new Counting();
    run(second);
    assertThat(second.runs).isEqualTo(1);
    assertThat(layout().stageRecord(Stage.PARQUET)).doesNotExist();
    assertThat(layout().runJson()).doesNotExist();
    env.put("LOCAL_RANK", "0");
    Counting first = new Counting();
    run(first);
    assertThat(StageRecord.require(layout(), Stage.PARQUET).inputHash()).isEqualTo("a");
    env.put("LOCAL_RANK", "1");
    run(second);
    assertThat(second.runs).as("the record of the first holds for all").isEqualTo(1);
    second.input = "b";
    run(second);
    assertThat(second.runs).isEqualTo(2);
    assertThat(StageRecord.require(layout(), Stage.PARQUET).inputHash()).as("still the first's").isEqualTo("a");
  }

  @Test
  void runJsonNamesTheOwnerAndWhatIsDone() throws Exception {
    run(new Counting());
    JsonNode run = new ObjectMapper().readTree(layout().runJson().toFile());
    assertThat(run.get("namespace").asText()).isEqualTo("speech");
    assertThat(run.get("uid").asText()).isEqualTo("uid-1");
    assertThat(run.at("/stages/parquet").asText()).isEqualTo("a");
  }

  @Test
  void aFlowTrainingAppliedAgainAdoptsItsResults() throws Exception {
    Counting task = new Counting();
    run(task);
    env.put("FLOWTRAINING_RUN_ID", "uid-2");
    run(task);
    assertThat(task.runs).isEqualTo(1);
    assertThat(new ObjectMapper().readTree(layout().runJson().toFile()).get("uid").asText()).isEqualTo("uid-2");
  }

  @Test
  void anotherFlowTrainingMayNotUseTheDirectory() throws Exception {
    run(new Counting());
    env.put("FLOWTRAINING_NAME", "other");
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> run(new Counting()));
    assertThat(failure.reason()).isEqualTo("RunDirectoryTaken");
    env.clear(); // without a cluster the directory may be used and keeps its owner
    run(new Counting());
    assertThat(new ObjectMapper().readTree(layout().runJson().toFile()).get("name").asText()).isEqualTo("demo");
  }

  @Test
  void aDirectoryThatCannotBeMadeIsAVolumeNotWritable() throws Exception {
    Files.writeString(folder.resolve("run"), "a file, no folder");
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> run(new Counting()));
    assertThat(failure.reason()).isEqualTo("VolumeNotWritable");
    assertThat(failure.exitCode()).isEqualTo(ExitCode.MISSING);
  }

  @Test
  void aStageThatNeedsAnotherSaysWhich() {
    StageFailure failure =
        catchThrowableOfType(StageFailure.class, () -> StageRecord.require(layout(), Stage.PARQUET));
    assertThat(failure.reason()).isEqualTo("NoData");
    assertThat(failure.exitCode()).isEqualTo(ExitCode.MISSING);
    assertThat(failure.getMessage()).contains("parquet");
  }
}
