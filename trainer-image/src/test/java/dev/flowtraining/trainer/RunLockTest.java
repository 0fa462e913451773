package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunLockTest {
  @TempDir Path dir;
  private Process other;

  /** A process that works in a run directory until it is killed. */
  public static void main(String[] args) throws Exception {
    Ranks ranks = Ranks.of(Map.of("FLOWTRAINING_RUN_ID", args[1], "FLOWTRAINING_ATTEMPT", "1"));
    try (RunLock _ = RunLock.take(new RunLayout(Path.of(args[0])), ranks, Stage.TRAIN)) {
      System.out.println("in");
      Thread.sleep(Duration.ofMinutes(2));
    }
  }

  @BeforeEach
  void start() throws IOException {
    other = process("local");
  }

  private Process process(String runId) throws IOException {
    Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx64m",
        "-cp", System.getProperty("java.class.path"), RunLockTest.class.getName(), dir.toString(), runId)
        .redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()));
    assertThat(out.lines().filter("in"::equals).findFirst()).hasValue("in");
    return process;
  }

  @AfterEach
  void kill() throws InterruptedException {
    other.destroyForcibly().waitFor();
  }

  @Test
  void a_second_run_is_refused_and_told_who_is_there_until_that_process_is_killed() throws Exception {
    assertThatThrownBy(() -> RunLock.take(new RunLayout(dir), Ranks.of(Map.of()), Stage.AVERAGE))
        .isInstanceOfSatisfying(StageFailure.class, e -> {
          assertThat(e.exitCode()).isEqualTo(ExitCode.RETRYABLE);
          assertThat(e.reason()).isEqualTo("RunDirectoryInUse");
          assertThat(e).hasMessageContaining(dir.toString()).hasMessageContaining("process " + other.pid() + " on ")
              .hasMessageContaining("train, attempt 1 of run local");
        });
    // the whole program says the same, and leaves the directory as it is
    int code = new FlowTrainer(Map.of()).exitCode("train", "--run-dir", dir.toString(), "--preset", "tiny");
    assertThat(code).isEqualTo(ExitCode.RETRYABLE.code());
    assertThat(dir.resolve("run.json")).doesNotExist();

    kill();
    long start = System.nanoTime();
    try (RunLock _ = RunLock.take(new RunLayout(dir), Ranks.of(Map.of()), Stage.TRAIN)) {
      assertThat(Duration.ofNanos(System.nanoTime() - start)).as("nothing to wait for on one machine")
          .isLessThan(RunLock.WATCH.dividedBy(4));
    }
    assertThat(dir.resolve("run.lock.json")).doesNotExist();
  }

  @Test
  void a_later_attempt_of_the_same_flow_training_takes_over() throws Exception {
    kill();
    other = process("uid-1");
    try (RunLock _ = RunLock.take(new RunLayout(dir), attempt(2), Stage.TRAIN)) {
      assertThat(Files.readString(dir.resolve("run.lock.json"))).contains("\"attempt\":2");
    }
    assertThatThrownBy(() -> RunLock.take(new RunLayout(dir),
        Ranks.of(Map.of("FLOWTRAINING_RUN_ID", "uid-2", "FLOWTRAINING_ATTEMPT", "2")), Stage.TRAIN))
        .hasMessageContaining("in use");
  }

  @Test
  void where_locks_stay_on_their_node_the_holders_file_is_watched() throws Exception {
    kill();
    Path lock = dir.resolve("run.lock");
    Path info = dir.resolve("run.lock.json");
    RunLock.Holder far = new RunLock.Holder("far", 7, "local", 1, "train", "then");
    RunLock.Holder me = new RunLock.Holder("near", 8, "local", 1, "train", "now");
    Files.writeString(info, new ObjectMapper().writeValueAsString(far));
    Thread beating = Thread.ofVirtual().start(() -> {
      try {
        while (true) {
          Thread.sleep(50);
          Files.writeString(info, new ObjectMapper().writeValueAsString(far));
        }
      } catch (InterruptedException | IOException e) {
        // enough
      }
    });
    assertThatThrownBy(() -> RunLock.take(lock, me, Duration.ofSeconds(2))).hasMessageContaining("process 7 on far");
    beating.interrupt();
    beating.join();
    Files.writeString(info, new ObjectMapper().writeValueAsString(far));
    try (RunLock _ = RunLock.take(lock, me, Duration.ofSeconds(1))) {
      assertThat(Files.readString(info)).contains("near");
    }
  }

  private static Ranks attempt(int number) {
    return Ranks.of(Map.of("FLOWTRAINING_RUN_ID", "uid-1", "FLOWTRAINING_ATTEMPT", "" + number));
  }
}
