package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.progress.RunReport;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StageCacheTest {
  private static final Path NOWHERE = Path.of("/dev/null/cache");

  @TempDir Path folder;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();
  private final Map<String, String> rerun = new HashMap<>();

  /** A stage that writes {@code parquet/train/0 …} and counts its runs. */
  private static final class Writing implements StageTask {
    private final List<String> ran = new ArrayList<>();
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch mayEnd = new CountDownLatch(1);
    private String input = "a";
    private int files = 3;
    private RuntimeException failure;

    /** One that ends as soon as it can. */
    static Writing quick() {
      Writing task = new Writing();
      task.mayEnd.countDown();
      return task;
    }

    @Override
    public String inputHash(StageContext context) {
      return input;
    }

    @Override
    public List<Path> results(StageContext context) {
      return List.of(context.layout().parquet("train"), context.layout().rejects("train", Stage.PARQUET));
    }

    @Override
    public Result run(StageContext context) throws IOException, InterruptedException {
      synchronized (ran) {
        ran.add(context.layout().root().getFileName().toString());
      }
      begun.countDown();
      assertThat(mayEnd.await(1, TimeUnit.MINUTES)).isTrue();
      if (failure != null) {
        throw failure;
      }
      for (int i = 0; i < files; i++) {
        WholeFile.text(context.layout().parquet("train").resolve(Integer.toString(i)), input.repeat(1000));
      }
      return new Result(Map.of("files", files), "out-" + input);
    }
  }

  private RunLayout layout(String run) {
    return new RunLayout(folder.resolve(run));
  }

  private Path cache() {
    return folder.resolve(".cache");
  }

  private void run(String run, StageTask task) throws IOException, InterruptedException {
    run(run, task, cache());
  }

  private void run(String run, StageTask task, Path cache) throws IOException, InterruptedException {
    Map<String, String> env = new HashMap<>(rerun);
    env.putAll(Map.of("FLOWTRAINING_NAMESPACE", "speech", "FLOWTRAINING_NAME", run, "FLOWTRAINING_RUN_ID", "uid-" + run));
    RunReport report = new RunReport("uid-" + run, 1, new PrintStream(said, true), false, Optional.empty(),
        Clock.systemUTC());
    StageContext context = new StageContext(layout(run), ConfigLoader.preset("tiny"), null, Ranks.of(env), report);
    new StageRunner(context, report, env, Optional.of(new StageCache(cache, report))).run(Stage.PARQUET, task, Step.WHOLE);
  }

  private Map<String, String> result(String run) throws IOException {
    try (Stream<Path> files = Files.list(layout(run).parquet("train"))) {
      Map<String, String> texts = new HashMap<>();
      for (Path file : files.toList()) {
        texts.put(file.getFileName().toString(), Files.readString(file));
      }
      return texts;
    }
  }

  private int sweep() throws IOException {
    return new StageCache(cache(), Progress.NONE).sweep(Instant.now().plusSeconds(60));
  }

  @Test
  void a_second_run_of_the_same_input_links_what_the_first_has_made() throws Exception {
    Writing task = Writing.quick();
    run("a", task);
    Files.createDirectories(layout("b").parquet("train"));
    Files.writeString(layout("b").parquet("train").resolve("7"), "of an older input");
    run("b", task);
    assertThat(task.ran).containsExactly("a");
    assertThat(result("b")).isEqualTo(result("a")).containsOnlyKeys("0", "1", "2");
    assertThat(Files.getAttribute(layout("b").parquet("train").resolve("0"), "unix:ino"))
        .isEqualTo(Files.getAttribute(layout("a").parquet("train").resolve("0"), "unix:ino"));
    assertThat(StageRecord.require(layout("b"), Stage.PARQUET))
        .isEqualTo(StageRecord.require(layout("a"), Stage.PARQUET));
    assertThat(said.toString()).contains("parquet: shared, nothing to do: speech/a did it with the same input");
    assertThat(Files.readString(layout("b").runJson())).contains("\"name\" : \"b\"").contains("\"parquet\" : \"a\"");
    task.input = "b";
    run("b", task);
    assertThat(task.ran).as("other input").containsExactly("a", "b");
    assertThat(result("a")).as("as it was").containsEntry("0", "a".repeat(1000));
  }

  @Test
  void a_run_that_goes_takes_nothing_from_another_and_an_entry_goes_with_its_last_run() throws Exception {
    Writing task = Writing.quick();
    run("a", task);
    run("b", task);
    Removal.of(layout("a").root());
    assertThat(sweep()).as("b uses it").isZero();
    run("c", task);
    assertThat(task.ran).containsExactly("a");
    Removal.of(layout("c").root());
    Map<String, String> before = result("b");
    Removal.of(cache());
    assertThat(result("b")).as("even without the cache").isEqualTo(before);
    run("b", task);
    assertThat(task.ran).as("unchanged, and shared again").containsExactly("a");
    Removal.of(layout("b").root());
    assertThat(sweep()).isEqualTo(1);
    assertThat(sweep()).isZero();
    run("d", task);
    assertThat(task.ran).containsExactly("a", "d");
  }

  @Test
  void of_two_at_once_one_does_the_stage_and_the_other_waits_for_it() throws Exception {
    Writing task = new Writing();
    try (ExecutorService both = Executors.newFixedThreadPool(2)) {
      List<Future<?>> runs = new ArrayList<>();
      for (String name : List.of("a", "b")) {
        runs.add(both.submit(() -> {
          run(name, task);
          return null;
        }));
      }
      task.begun.await();
      while (!said.toString().contains("waits for process")) {
        Thread.sleep(20);
      }
      task.mayEnd.countDown();
      for (Future<?> run : runs) {
        run.get(30, TimeUnit.SECONDS);
      }
    }
    assertThat(task.ran).hasSize(1);
    assertThat(result("a")).isEqualTo(result("b")).hasSize(3);
  }

  @Test
  void when_the_one_that_does_it_fails_the_other_does_it() throws Exception {
    Writing failing = new Writing();
    failing.failure = new StageFailure(ExitCode.BAD_DATA, "TooManyRejects", "?");
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      Future<?> first = other.submit(() -> {
        assertThatThrownBy(() -> run("a", failing)).isSameAs(failing.failure);
      });
      failing.begun.await();
      failing.mayEnd.countDown();
      Writing task = Writing.quick();
      run("b", task);
      assertThat(task.ran).containsExactly("b");
      first.get(30, TimeUnit.SECONDS);
    }
    assertThat(result("b")).hasSize(3);
  }

  /** A process that is at work on the stage until it is killed. */
  public static void main(String[] args) throws Exception {
    StageCacheTest test = new StageCacheTest();
    test.folder = Path.of(args[0]);
    Writing task = new Writing();
    Thread.ofPlatform().daemon().start(() -> {
      try {
        task.begun.await();
        System.out.println("in");
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    test.run("dies", task);
  }

  @Test
  void when_the_one_that_does_it_is_killed_the_other_does_it() throws Exception {
    Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx64m",
        "-cp", System.getProperty("java.class.path"), StageCacheTest.class.getName(), folder.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()));
      assertThat(out.lines().filter("in"::equals).findFirst()).hasValue("in");
      Writing task = Writing.quick();
      Future<?> run = other.submit(() -> {
        run("b", task);
        return null;
      });
      while (!said.toString().contains("waits for process " + process.pid())) {
        Thread.sleep(20);
      }
      assertThat(task.ran).isEmpty();
      process.destroyForcibly().waitFor();
      run.get(30, TimeUnit.SECONDS);
      assertThat(task.ran).containsExactly("b");
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void what_is_taken_over_while_it_goes_is_whole_or_not_taken() throws Exception {
    Writing task = Writing.quick();
    task.files = 20;
    run("a", task);
    StageRecord record = StageRecord.require(layout("a"), Stage.PARQUET);
    StageCache cache = new StageCache(cache(), Progress.NONE);
    List<Path> results = List.of(layout("a").parquet("train"));
    AtomicBoolean over = new AtomicBoolean();
    Random random = new Random(1);
    Thread cleaner = Thread.ofPlatform().start(() -> {
      try {
        while (!over.get()) {
          Thread.sleep(random.nextInt(8));
          cache.withdraw(Stage.PARQUET, "a");
          cache.publish(record, results, layout("a"), "a");
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    int taken = 0;
    int missed = 0;
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    for (int i = 0; (taken < 30 || missed < 30) && System.nanoTime() < end; i++) {
      RunLayout run = layout("b" + i);
      if (cache.adopt(Stage.PARQUET, "a", run, List.of(run.parquet("train"))).isPresent()) {
        taken++;
        assertThat(result("b" + i)).isEqualTo(result("a"));
      } else {
        missed++;
      }
    }
    over.set(true);
    cleaner.join();
    assertThat(taken).isGreaterThanOrEqualTo(30);
    assertThat(missed).isGreaterThanOrEqualTo(30);
  }

  @Test
  void a_damaged_entry_goes_and_the_stage_is_done() throws Exception {
    Writing task = Writing.quick();
    run("a", task);
    Path file = cache().resolve("parquet-a/parquet/train/1");
    Files.delete(file);
    Files.writeString(file, "cut");
    run("b", task);
    assertThat(task.ran).containsExactly("a", "b");
    assertThat(result("b")).isEqualTo(result("a"));
    run("c", task);
    assertThat(task.ran).as("shared anew").hasSize(2);
  }

  @Test
  void a_failed_stage_is_not_shared() throws Exception {
    Writing task = Writing.quick();
    task.failure = new StageFailure(ExitCode.BAD_DATA, "TooManyRejects", "?");
    assertThatThrownBy(() -> run("a", task)).isSameAs(task.failure);
    assertThat(cache().resolve("parquet-a")).doesNotExist();
  }

  @Test
  void a_wish_to_run_again_takes_nothing_from_the_cache_and_replaces_what_is_there() throws Exception {
    Writing task = Writing.quick();
    run("a", task);
    rerun.put("FLOWTRAINING_RERUN", "parquet/1");
    run("b", task);
    assertThat(task.ran).containsExactly("a", "b");
    rerun.clear();
    run("c", task);
    assertThat(Files.readString(cache().resolve("parquet-a/entry.json"))).contains("speech/b");
    assertThat(Files.getAttribute(layout("c").parquet("train").resolve("0"), "unix:ino"))
        .isEqualTo(Files.getAttribute(layout("b").parquet("train").resolve("0"), "unix:ino"));
  }

  @Test
  void where_nothing_can_be_shared_the_stage_is_done_with_a_line() throws Exception {
    Writing task = Writing.quick();
    run("a", task, NOWHERE);
    assertThat(result("a")).hasSize(3);
    assertThat(said.toString()).contains("not shared through /dev/null/cache");
    Path elsewhere = Path.of("/dev/shm");
    assumeThat(Files.isWritable(elsewhere) && !Files.getFileStore(elsewhere).equals(Files.getFileStore(folder))).isTrue();
    Path other = Files.createTempDirectory(elsewhere, "cache");
    try {
      said.reset();
      run("b", task, other);
      assertThat(result("b")).hasSize(3);
      assertThat(said.toString()).contains("not shared through " + other);
      try (Stream<Path> left = Files.list(other)) {
        assertThat(left.map(p -> p.getFileName().toString())).containsExactly("locks");
      }
    } finally {
      Removal.of(other);
    }
  }

  @Test
  void what_a_writer_that_died_has_left_is_swept() throws Exception {
    Files.createDirectories(cache().resolve(StageCache.DRAFT + "1/parquet"));
    Files.createDirectories(cache().resolve(StageCache.GONE + "2"));
    new StageCache(cache(), Progress.NONE).sweep(Instant.now().minusSeconds(60));
    assertThat(cache()).isDirectoryContaining("glob:**/.new-1");
    sweep();
    assertThat(cache()).isEmptyDirectory();
  }
}
