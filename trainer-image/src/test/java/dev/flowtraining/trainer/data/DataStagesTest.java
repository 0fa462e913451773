package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.models.ReleasedFiles;
import dev.flowtraining.trainer.models.TokenizerFolder;
import dev.flowtraining.trainer.parquet.ParquetFile;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import dev.flowtraining.trainer.parquet.WriteParquet;
import dev.flowtraining.trainer.prepare.PrepareData;
import dev.flowtraining.trainer.speaker.SpeakerEmbedding;
import dev.flowtraining.trainer.tokens.SpeechTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Stages 0 to 3 one after the other on sounds that are made here. */
public class DataStagesTest {
  private static final int UTTERANCES = 24;
  @TempDir Path folder;
  private Path input;

  @BeforeEach
  void sounds() throws IOException {
    input = Files.createDirectories(folder.resolve("in"));
    StringBuilder scp = new StringBuilder();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < UTTERANCES; i++) {
      Files.write(input.resolve(i + ".wav"), sound(i));
      scp.append("s%d_%02d %d.wav\n".formatted(i % 3, i, i));
      text.append("s%d_%02d words\n".formatted(i % 3, i));
    }
    Files.writeString(input.resolve("wav.scp"), scp);
    Files.writeString(input.resolve("text"), text);
  }

  @Test
  void endsInExamples() throws Exception {
    Map<Stage, StageTask.Result> results = all(folder.resolve("run"));
    StageContext context = context(folder.resolve("run"));
    ExampleLoader loader = new ExampleLoader(context.config().datasetConf(), 80);
    int seen = 0;
    for (String split : List.of("train", "dev")) {
      List<String> order = new ArrayList<>();
      for (String line : Files.readAllLines(context.layout().dataList(split))) {
        assertThat(line).startsWith("parquet/" + split + "/parquet_0").endsWith(".tar");
        for (UtteranceRow row : ParquetFile.read(context.layout().root().resolve(line))) {
          Example example = loader.load(row);
          order.add(row.utt() + " " + example.frames());
          assertThat(row.audioData()).isEqualTo(Files.readAllBytes(Path.of(row.wav())));
          assertThat(row.uttEmbedding()).hasSize(192);
          // 1.3 … 2.0 s at 120 ms a group
          assertThat(example.tokens()).isBetween(30, 51);
          seen++;
        }
      }
      assertThat(Files.readAllLines(context.layout().parquet(split).resolve("utt2num_frames"))).isEqualTo(order);
    }
    assertThat(seen).isEqualTo(UTTERANCES);
    assertThat(results.get(Stage.PARQUET).counts()).containsEntry("devUtterances", 4);
    assertThat((long) results.get(Stage.PARQUET).counts().get("trainFiles")).isGreaterThan(1);
    assertThat((double) results.get(Stage.SPEECH_TOKENS).counts().get("trainVq06Perplexity")).isGreaterThan(4);
  }

  @Test
  void speakerMeansAreMeans() throws Exception {
    Path run = folder.resolve("run");
    all(run);
    Path train = run.resolve("data/train");
    Map<String, String> utt2spk = KaldiTable.read(train.resolve("utt2spk"), KaldiTable.Value.REQUIRED);
    Map<String, List<double[]>> bySpeaker = new HashMap<>();
    KaldiTable.read(train.resolve("utt2embedding"), KaldiTable.Value.REQUIRED).forEach((utt, v) ->
        bySpeaker.computeIfAbsent(utt2spk.get(utt), s -> new ArrayList<>()).add(TextVector.read(v)));
    Map<String, String> means = KaldiTable.read(train.resolve("spk2embedding"), KaldiTable.Value.REQUIRED);
    assertThat(means.keySet()).isEqualTo(bySpeaker.keySet());
    bySpeaker.forEach((spk, vectors) -> assertThat(TextVector.read(means.get(spk))[7])
        .isCloseTo(vectors.stream().mapToDouble(v -> v[7]).average().orElseThrow(),
            offset(1e-6)));
  }

  @Test
  void twoRunsGiveTheSameBytes() throws Exception {
    Map<Stage, StageTask.Result> first = all(folder.resolve("a"));
    Map<Stage, StageTask.Result> second = all(folder.resolve("b"));
    first.forEach((stage, result) -> assertThat(second.get(stage)).isEqualTo(result));
    assertThat(files(folder.resolve("a"))).isEqualTo(files(folder.resolve("b")));
  }

  @Test
  void changedInputChangesTheHashes() throws Exception {
    Path run = folder.resolve("run");
    all(run);
    String embedding = new SpeakerEmbedding().inputHash(context(run));
    String parquet = new WriteParquet().inputHash(context(run));
    Files.write(input.resolve("3.wav"), sound(103));
    Stages.run(context(run), Stage.PREPARE_DATA, new PrepareData());
    assertThat(new SpeakerEmbedding().inputHash(context(run))).isNotEqualTo(embedding);
    assertThat(new WriteParquet().inputHash(context(run))).isNotEqualTo(parquet);
  }

  @Test
  void releasedModelsDoTheSameWork() throws Exception {
    Path run = folder.resolve("run");
    Path tokenizer = ReleasedFiles.tokenizer(folder.resolve("tokenizer"), true);
    Path campplus = Files.copy(Fixtures.file("onnx_stubs/campplus_stub.onnx"), folder.resolve("campplus.onnx"));
    StageContext context = Stages.context(run,
        Stages.options(input, null, 0.2, null, campplus.toString(), tokenizer.toString()), 0);
    Stages.run(context, Stage.PREPARE_DATA, new PrepareData());
    Stages.run(context, Stage.SPEAKER_EMBEDDING, new SpeakerEmbedding());
    StageTask.Result tokens = Stages.run(context, Stage.SPEECH_TOKENS, new SpeechTokens());
    assertThat(tokens.counts()).containsEntry("tokenizer", "released").containsEntry("trainRejected", Map.of());
    Stages.run(context, Stage.PARQUET, new WriteParquet());
    ExampleLoader loader = new ExampleLoader(context.config().datasetConf(), 80);
    for (String line : Files.readAllLines(context.layout().dataList("train"))) {
      for (UtteranceRow row : ParquetFile.read(run.resolve(line))) {
        assertThat(loader.load(row).tokens()).isBetween(27, 51);
      }
    }
    // an encoder of another form gives the same codes
    Path onnx = ReleasedFiles.tokenizer(folder.resolve("onnx"), false);
    StageContext other = Stages.context(folder.resolve("other"),
        Stages.options(input, null, 0.2, null, campplus.toString(), onnx.toString()), 0);
    Stages.run(other, Stage.PREPARE_DATA, new PrepareData());
    assertThat(Stages.run(other, Stage.SPEECH_TOKENS, new SpeechTokens()).outputHash()).isEqualTo(tokens.outputHash());

    // another content of a model file is another input
    String before = new SpeechTokens().inputHash(context);
    String embedding = new SpeakerEmbedding().inputHash(context);
    Files.writeString(tokenizer.resolve("dengcunqin").resolve(TokenizerFolder.FUN_ASR).resolve("am.mvn"), " ",
        StandardOpenOption.APPEND);
    Files.writeString(campplus, " ", StandardOpenOption.APPEND);
    assertThat(new SpeechTokens().inputHash(context)).isNotEqualTo(before);
    assertThat(new SpeakerEmbedding().inputHash(context)).isNotEqualTo(embedding);
  }

  @Test
  void missingModelsAndStages() throws Exception {
    Path run = folder.resolve("run");
    assertThatThrownBy(() -> new SpeakerEmbedding().inputHash(context(run))).isInstanceOf(StageFailure.class)
        .hasMessageContaining("prepare-data");
    Stages.run(context(run), Stage.PREPARE_DATA, new PrepareData());
    StageContext released = Stages.context(run,
        Stages.options(input, null, 0.2, null, "/none/campplus.onnx", "/none/tokenizer"), 0);
    for (StageTask task : List.of(new SpeakerEmbedding(), new SpeechTokens())) {
      assertThatThrownBy(() -> task.inputHash(released)).isInstanceOfSatisfying(StageFailure.class, e -> {
        assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING);
        assertThat(e.reason()).isEqualTo("ModelNotFound");
        assertThat(e).hasMessageContaining("/none/").hasMessageContaining("builtin");
      });
    }
  }

  private Map<Stage, StageTask.Result> all(Path run) throws IOException, InterruptedException {
    Map<Stage, StageTask> tasks = new TreeMap<>(Map.of(Stage.PREPARE_DATA, new PrepareData(),
        Stage.SPEAKER_EMBEDDING, new SpeakerEmbedding(), Stage.SPEECH_TOKENS, new SpeechTokens(),
        Stage.PARQUET, new WriteParquet()));
    Map<Stage, StageTask.Result> results = new TreeMap<>();
    for (Map.Entry<Stage, StageTask> task : tasks.entrySet()) {
      results.put(task.getKey(), Stages.run(context(run), task.getKey(), task.getValue()));
    }
    return results;
  }

  private StageContext context(Path run) {
    return Stages.context(run, Stages.options(input, null, 0.2, null), 0);
  }

  private static Map<String, String> files(Path run) throws IOException {
    Map<String, String> hashes = new TreeMap<>();
    try (Stream<Path> walk = Files.walk(run)) {
      for (Path p : walk.filter(Files::isRegularFile).toList()) {
        hashes.put(run.relativize(p).toString(), InputHash.ofFile(p));
      }
    }
    return hashes;
  }

  /** 1.3 … 2 s of tones that change every 100 ms. */
  public static byte[] sound(int seed) {
    Random random = new Random(seed);
    float[] samples = new float[(int) (16_000 * (1.3 + 0.7 * random.nextDouble()))];
    double pitch = 0;
    for (int i = 0; i < samples.length; i++) {
      if (i % 1600 == 0) {
        pitch = 200 + 200 * random.nextInt(10);
      }
      samples[i] = (float) (0.3 * Math.sin(2 * Math.PI * pitch * i / 16_000) + 0.01 * random.nextGaussian());
    }
    return Wav.encode(new Waveform(samples, 16_000));
  }
}
