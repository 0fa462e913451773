package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.flowtraining.trainer.data.DataStagesTest;
import dev.flowtraining.trainer.data.Stages;
import dev.flowtraining.trainer.parquet.WriteParquet;
import dev.flowtraining.trainer.prepare.PrepareData;
import dev.flowtraining.trainer.progress.RunReport;
import dev.flowtraining.trainer.speaker.SpeakerEmbedding;
import dev.flowtraining.trainer.tokens.SpeechTokens;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stages 1 to 3 shared out to several processes, against one that does all. */
class ShardsTest {
  /** Three parts of dev, seven of train, the last of each not full. */
  private static final int UTTERANCES = 72;
  private static final Map<Stage, ShardedTask> TASKS = new TreeMap<>(Map.of(Stage.SPEAKER_EMBEDDING, new SpeakerEmbedding(),
      Stage.SPEECH_TOKENS, new SpeechTokens(), Stage.PARQUET, new WriteParquet()));
  private static final Map<Stage, StageTask> WITH_STAGE_0 = new TreeMap<>(TASKS);

  static {
    WITH_STAGE_0.put(Stage.PREPARE_DATA, new PrepareData());
  }

  @TempDir static Path shared;
  private static Path input;
  /** A run without shards. */
  private static Path whole;

  @TempDir Path folder;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  @BeforeAll
  static void sounds() throws Exception {
    input = Files.createDirectories(shared.resolve("in"));
    StringBuilder scp = new StringBuilder();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < UTTERANCES; i++) {
      if (i < 12) {
        Files.write(input.resolve(i + ".wav"), DataStagesTest.sound(i));
      }
      scp.append("s%d_%02d %d.wav\n".formatted(i % 3, i, i % 12));
      text.append("s%d_%02d words\n".formatted(i % 3, i));
    }
    Files.writeString(input.resolve("wav.scp"), scp);
    Files.writeString(input.resolve("text"), text);
    whole = prepared(shared.resolve("whole"));
    for (Stage stage : TASKS.keySet()) {
      run(whole, stage, Step.WHOLE, new ByteArrayOutputStream());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 16})
  void anyNumberOfShardsGivesTheBytesOfNone(int shards) throws Exception {
    Path run = prepared("run");
    for (Stage stage : TASKS.keySet()) {
      run(run, stage, Step.FIT);
      for (int i = shards - 1; i >= 0; i--) {
        run(run, stage, new Step.Shard(i, shards));
      }
      assertThat(StageRecord.read(layout(run), stage)).as("no record before the merge").isEmpty();
      run(run, stage, Step.MERGE);
      StageRecord expected = StageRecord.require(layout(whole), stage);
      StageRecord record = StageRecord.require(layout(run), stage);
      assertThat(record.inputHash()).isEqualTo(expected.inputHash());
      assertThat(record.outputHash()).isEqualTo(expected.outputHash());
      assertThat(record.counts()).isEqualTo(expected.counts());
    }
    assertThat(files(whole)).containsKeys("data/train/utt2embedding", "data/train/spk2embedding", "data/dev/utt2speech_token",
        "parquet/train/data.list", "parquet/train/parquet_000000001.tar");
    assertThat(files(run)).isEqualTo(files(whole));
    try (Stream<Path> left = Files.walk(run)) {
      assertThat(left.map(p -> p.getFileName().toString())).noneMatch(n -> n.contains(".parts-") || n.startsWith("."));
    }
  }

  @Test
  void aShardThatWasInterruptedDoesOnlyTheRest() throws Exception {
    Path run = prepared("run");
    Step.Shard shard = new Step.Shard(1, 2);
    ShardedTask task = TASKS.get(Stage.SPEAKER_EMBEDDING);
    // the audio of an utterance of the shard's last part is gone for a while
    List<String> scp = Files.readAllLines(layout(run).data("dev").resolve("wav.scp"));
    Path gone = Path.of(scp.get(8).split(" ")[1]);
    Path away = gone.resolveSibling("away");
    int before = task.work(context(run), new Step.Shard(0, 2)).utterances();
    Files.move(gone, away);
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> task.work(context(run), shard));
    assertThat(failure.reason()).isEqualTo("DataNotFound");
    Files.move(away, gone);
    Map<Path, FileTime> done = parts(run);

    ShardedTask.Share share = task.work(context(run), shard);
    assertThat(share.utterances()).isEqualTo(UTTERANCES - before);
    assertThat(share.found()).isBetween(1, share.utterances() - 1);
    assertThat(parts(run)).as("what was done stays as it was").containsAllEntriesOf(done);
    assertThat(task.work(context(run), shard).found()).isEqualTo(share.utterances());
    run(run, Stage.SPEAKER_EMBEDDING, Step.MERGE);
    assertThat(files(whole)).containsAllEntriesOf(files(run));
  }

  @Test
  void anotherNumberOfShardsLosesNothingAndRepeatsNothing() throws Exception {
    Path run = prepared("run");
    for (Stage stage : TASKS.keySet()) {
      ShardedTask task = TASKS.get(stage);
      run(run, stage, Step.FIT);
      int done = task.work(context(run), new Step.Shard(0, 2)).utterances();
      assertThat(done).isBetween(1, UTTERANCES - 1);
      ShardedTask.Share sum = new ShardedTask.Share(0, 0);
      for (int i = 0; i < 3; i++) {
        sum = sum.plus(task.work(context(run), new Step.Shard(i, 3)));
      }
      assertThat(sum).as(stage.id()).isEqualTo(new ShardedTask.Share(UTTERANCES, done));
      // and a run without shards would only have joined them
      run(run, stage, Step.WHOLE);
    }
    assertThat(files(run)).isEqualTo(files(whole));
  }

  @Test
  void aMergeNamesTheShardsThatDidNotEnd() throws Exception {
    Path run = prepared("run");
    StageFailure none = catchThrowableOfType(StageFailure.class, () -> run(run, Stage.SPEAKER_EMBEDDING, Step.MERGE));
    assertThat(none.reason()).isEqualTo("ShardsMissing");
    assertThat(none.exitCode()).isEqualTo(ExitCode.MISSING);
    assertThat(none).hasMessageContaining("no shard of this input has run").hasMessageContaining("--shard I/N");
    run(run, Stage.SPEAKER_EMBEDDING, new Step.Shard(0, 4));
    run(run, Stage.SPEAKER_EMBEDDING, new Step.Shard(2, 4));
    StageFailure some = catchThrowableOfType(StageFailure.class, () -> run(run, Stage.SPEAKER_EMBEDDING, Step.MERGE));
    assertThat(some).hasMessageContaining("shards 1/4, 3/4 did not end").hasMessageContaining("--shard 1/4 and so on");
    run(run, Stage.SPEAKER_EMBEDDING, new Step.Shard(3, 4));
    assertThat(catchThrowableOfType(StageFailure.class, () -> run(run, Stage.SPEAKER_EMBEDDING, Step.MERGE)))
        .hasMessageContaining("shard 1/4 did not end");
    assertThat(layout(run).utt2embedding("train")).doesNotExist();
    run(run, Stage.SPEAKER_EMBEDDING, new Step.Shard(1, 4));
    run(run, Stage.SPEAKER_EMBEDDING, Step.MERGE);
  }

  @Test
  void partsOfOtherInputAreNotTakenAndRemovedWithALine() throws Exception {
    Path run = prepared("run");
    run(run, Stage.SPEAKER_EMBEDDING, new Step.Shard(0, 1));
    Path parts = parts(run).keySet().stream().map(Path::getParent).filter(p -> p.endsWith("train") || p.toString()
        .contains("train")).findFirst().orElseThrow();
    Path foreign = parts.resolveSibling("utt2embedding.parts-000000000000");
    Files.move(parts, foreign);
    assertThat(catchThrowableOfType(StageFailure.class, () -> run(run, Stage.SPEAKER_EMBEDDING, Step.MERGE)).reason())
        .isEqualTo("ShardsMissing");
    run(run, Stage.SPEAKER_EMBEDDING, Step.WHOLE);
    assertThat(foreign).doesNotExist();
    assertThat(said.toString()).contains("removing " + foreign);
  }

  @Test
  void aDamagedPartIsToldNotJoined() throws Exception {
    Path run = prepared("run");
    run(run, Stage.SPEAKER_EMBEDDING, new Step.Shard(0, 1));
    Path part = parts(run).keySet().stream().filter(p -> p.endsWith("00001")).findFirst().orElseThrow();
    Files.copy(part.resolveSibling("00000"), part, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    StageFailure failure = catchThrowableOfType(StageFailure.class, () -> run(run, Stage.SPEAKER_EMBEDDING, Step.MERGE));
    assertThat(failure.reason()).isEqualTo("PartDamaged");
    assertThat(failure).hasMessageContaining(part.toString());
  }

  @Test
  void theCodebooksComeFirst() throws Exception {
    Path run = prepared("run");
    StageFailure failure = catchThrowableOfType(StageFailure.class,
        () -> run(run, Stage.SPEECH_TOKENS, new Step.Shard(0, 2)));
    assertThat(failure.reason()).isEqualTo("CodebooksNotFitted");
    assertThat(failure).hasMessageContaining("--fit");
    run(run, Stage.SPEECH_TOKENS, Step.FIT);
    run(run, Stage.SPEECH_TOKENS, new Step.Shard(0, 2));
    run(run, Stage.SPEAKER_EMBEDDING, Step.FIT);
    assertThat(said.toString()).contains("speaker-embedding: nothing to fit");
  }

  @Test
  void aMergeThatWasInterruptedIsDoneAgainAndOneThatEndedIsNot() throws Exception {
    Path run = prepared("run");
    for (Stage stage : TASKS.keySet()) {
      run(run, stage, Step.FIT);
      run(run, stage, Step.Shard.ONLY);
      if (stage == Stage.PARQUET) {
        // files of an older result, and one of this that was moved already
        Path parquet = Files.createDirectories(layout(run).parquet("train"));
        Files.writeString(parquet.resolve("parquet_000000000.tar"), "old");
        Files.writeString(parquet.resolve("parquet_000000099.tar"), "old");
        Path part;
        try (Stream<Path> all = Files.walk(run)) {
          part = all.filter(p -> p.toString().contains("train.parts-") && p.endsWith("parquet_000000001.tar")).findFirst()
              .orElseThrow();
        }
        Files.move(part, parquet.resolve("parquet_000000001.tar"));
      }
      run(run, stage, Step.MERGE);
      said.reset();
      run(run, stage, Step.MERGE);
      run(run, stage, new Step.Shard(2, 3));
      assertThat(said.toString().lines().filter(l -> l.contains("unchanged"))).hasSize(2);
    }
    assertThat(files(run)).isEqualTo(files(whole));
  }

  @Test
  void the_data_stages_of_another_run_are_taken_over_by_shards_or_as_a_whole() throws Exception {
    Path first = folder.resolve("first");
    for (Stage stage : WITH_STAGE_0.keySet()) {
      shared(first, stage, Step.WHOLE);
    }
    assertThat(files(first)).isEqualTo(files(whole));
    said.reset();
    Path whole2 = folder.resolve("whole");
    Path shards = folder.resolve("shards");
    for (Stage stage : WITH_STAGE_0.keySet()) {
      shared(whole2, stage, Step.WHOLE);
      if (stage == Stage.PREPARE_DATA) {
        shared(shards, stage, Step.WHOLE);
        continue;
      }
      if (stage == Stage.SPEECH_TOKENS) {
        shared(shards, stage, Step.FIT);
      }
      Thread other = Thread.ofPlatform().start(() -> assertThatCode(() -> shared(shards, stage, new Step.Shard(1, 2)))
          .doesNotThrowAnyException());
      shared(shards, stage, new Step.Shard(0, 2));
      other.join();
      shared(shards, stage, Step.MERGE);
    }
    assertThat(files(whole2)).isEqualTo(files(whole));
    assertThat(files(shards)).isEqualTo(files(whole));
    assertThat(StageRecord.require(layout(shards), Stage.PARQUET))
        .isEqualTo(StageRecord.require(layout(first), Stage.PARQUET));
    assertThat(said.toString().lines().filter(l -> l.contains("shared, nothing to do"))).hasSize(8);
    assertThat(said.toString()).doesNotContain(": done in");
  }

  /** With a cache beside the run directories. */
  private void shared(Path run, Stage stage, Step step) throws IOException, InterruptedException {
    RunReport report = new RunReport(run.toString(), 1, new PrintStream(said, true), false, Optional.empty(),
        Clock.systemUTC());
    StageContext c = context(run);
    Map<String, String> env = Map.of("FLOWTRAINING_RUN_ID", run.toString());
    new StageRunner(new StageContext(c.layout(), c.config(), c.options(), Ranks.of(env), report), report, env,
        Optional.of(new StageCache(folder.resolve("cache"), report))).run(stage, WITH_STAGE_0.get(stage), step);
  }

  private Path prepared(String name) throws IOException, InterruptedException {
    return prepared(folder.resolve(name));
  }

  private static Path prepared(Path run) throws IOException, InterruptedException {
    Stages.run(context(run), Stage.PREPARE_DATA, new PrepareData());
    return run;
  }

  private static RunLayout layout(Path run) {
    return new RunLayout(run);
  }

  private static StageContext context(Path run) {
    return Stages.context(run, Stages.options(input, null, 0.25, null), 0);
  }

  private void run(Path run, Stage stage, Step step) throws IOException, InterruptedException {
    run(run, stage, step, said);
  }

  private static void run(Path run, Stage stage, Step step, ByteArrayOutputStream said)
      throws IOException, InterruptedException {
    RunReport report = new RunReport("local", 1, new PrintStream(said, true), false, Optional.empty(), Clock.systemUTC());
    StageContext c = context(run);
    new StageRunner(new StageContext(c.layout(), c.config(), c.options(), c.ranks(), report), report, Map.of(), Optional.empty())
        .run(stage, TASKS.get(stage), step);
  }

  /** The parts that are there, with their times. */
  private static Map<Path, FileTime> parts(Path run) throws IOException {
    Map<Path, FileTime> times = new LinkedHashMap<>();
    try (Stream<Path> walk = Files.walk(run)) {
      for (Path p : walk.filter(p -> p.getFileName().toString().matches("\\d{5}")).sorted().toList()) {
        times.put(p, Files.getLastModifiedTime(p));
      }
    }
    return times;
  }

  /** Of all results; what a process did and when is in records and in run.json. */
  private static Map<String, String> files(Path run) throws IOException {
    Map<String, String> hashes = new TreeMap<>();
    try (Stream<Path> walk = Files.walk(run)) {
      for (Path p : walk.filter(Files::isRegularFile).filter(p -> !p.getParent().equals(run)).toList()) {
        hashes.put(run.relativize(p).toString(), InputHash.ofFile(p));
      }
    }
    return hashes;
  }
}
