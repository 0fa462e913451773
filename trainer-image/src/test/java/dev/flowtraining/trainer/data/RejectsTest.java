package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.parquet.WriteParquet;
import dev.flowtraining.trainer.prepare.PrepareData;
import dev.flowtraining.trainer.speaker.SpeakerEmbedding;
import dev.flowtraining.trainer.tokens.SpeechTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every stage says what it leaves out and why, and fails when that is too much. */
class RejectsTest {
  private static final int GOOD = 4;
  @TempDir Path folder;
  private Path train;
  private Path dev;

  @BeforeEach
  void input() throws IOException {
    train = Files.createDirectories(folder.resolve("train"));
    dev = Files.createDirectories(folder.resolve("dev"));
    for (int i = 0; i < GOOD; i++) {
      add(train, "s_" + i, 1, "words");
    }
    add(dev, "s_dev", 1, "words");
  }

  @Test
  void aRecordingTooShortForTheReleasedEncoder() throws Exception {
    add(train, "s_short", 0.01, "words");
    StageContext context = context(0.5, Fixtures.file("onnx_stubs/campplus_stub.onnx").toString());
    Stages.run(context, Stage.PREPARE_DATA, new PrepareData());
    StageTask.Result result = Stages.run(context, Stage.SPEAKER_EMBEDDING, new SpeakerEmbedding());
    assertThat(result.counts()).containsEntry("trainUtterances", GOOD)
        .containsEntry("trainRejected", Map.of("too-short", 1)).containsEntry("devRejected", Map.of());
    assertThat(Files.readAllLines(context.layout().utt2embedding("train"))).hasSize(GOOD)
        .allMatch(line -> line.contains(" [ "));
    assertThat(rejects(context, Stage.SPEAKER_EMBEDDING)).singleElement().asString()
        .startsWith("s_short too-short 160 samples at 16 kHz");
    // and so it is for the stages after
    Stages.run(context, Stage.SPEECH_TOKENS, new SpeechTokens());
    StageTask.Result parquet = Stages.run(context, Stage.PARQUET, new WriteParquet());
    assertThat(parquet.counts()).containsEntry("trainUtterances", GOOD)
        .containsEntry("trainDropped", Map.of("too-short", 1));
    assertThat(rejects(context, Stage.PARQUET)).isEqualTo(rejects(context, Stage.SPEAKER_EMBEDDING));
  }

  @Test
  void tooManyWithoutAnEmbedding() throws Exception {
    add(train, "s_short", 0.01, "words");
    assertFails(Fixtures.file("onnx_stubs/campplus_stub.onnx").toString(), Stage.SPEAKER_EMBEDDING,
        "1 of 6", "too-short 1", "s_short too-short 160 samples");
  }

  @Test
  void tooManyWithoutTokens() throws Exception {
    add(train, "s_short", 0.1, "words");
    assertFails("builtin", Stage.SPEECH_TOKENS, "1 of 6", "no-tokens 1", "s_short no-tokens it is shorter than");
  }

  @Test
  void tooManyThatTheFilterLeavesOut() throws Exception {
    add(train, "s_long1", 1, "words ".repeat(300));
    add(train, "s_long2", 1, "words ".repeat(300));
    add(train, "s_dense", 0.2, "words ".repeat(100));
    assertFails("builtin", Stage.PARQUET, "3 of 8", "text-length 2, text-ratio 1", "s_long1 text-length",
        "filter_conf.token_max_length");
  }

  @Test
  void aSmallValidationSetIsJudgedWithTheRest() throws Exception {
    add(dev, "s_long", 1, "words ".repeat(300));
    StageContext context = context(0.2, "builtin"); // one of six in all, one of two there
    Stages.run(context, Stage.PREPARE_DATA, new PrepareData());
    Stages.run(context, Stage.SPEAKER_EMBEDDING, new SpeakerEmbedding());
    Stages.run(context, Stage.SPEECH_TOKENS, new SpeechTokens());
    assertThat(Stages.run(context, Stage.PARQUET, new WriteParquet()).counts())
        .containsEntry("trainDropped", Map.of()).containsEntry("devDropped", Map.of("text-length", 1));
  }

  @Test
  void audioThatWentBadAfterPrepareData() throws Exception {
    StageContext context = context(0.25, "builtin");
    Stages.run(context, Stage.PREPARE_DATA, new PrepareData());
    Files.writeString(train.resolve("s_2.wav"), "this was audio once");
    assertThat(Stages.run(context, Stage.SPEAKER_EMBEDDING, new SpeakerEmbedding()).counts())
        .containsEntry("trainRejected", Map.of("not-audio", 1));
    assertThat(Stages.run(context, Stage.SPEECH_TOKENS, new SpeechTokens()).counts())
        .containsEntry("trainRejected", Map.of("not-audio", 1));
    assertThat(Stages.run(context, Stage.PARQUET, new WriteParquet()).counts())
        .containsEntry("trainDropped", Map.of("not-audio", 1));
  }

  private void assertFails(String encoder, Stage failing, String... parts) throws Exception {
    StageContext strict = context(0.01, encoder);
    List<StageTask> tasks = List.of(new PrepareData(), new SpeakerEmbedding(), new SpeechTokens(), new WriteParquet());
    List<Stage> stages = List.of(Stage.PREPARE_DATA, Stage.SPEAKER_EMBEDDING, Stage.SPEECH_TOKENS, Stage.PARQUET);
    int at = stages.indexOf(failing);
    for (int i = 0; i < at; i++) {
      Stages.run(strict, stages.get(i), tasks.get(i));
    }
    assertThatThrownBy(() -> Stages.run(strict, failing, tasks.get(at))).isInstanceOfSatisfying(StageFailure.class,
        e -> {
          assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_DATA);
          assertThat(e.reason()).isEqualTo("TooManyRejects");
          assertThat(e).hasMessageContainingAll(parts)
              .hasMessageContaining(strict.layout().rejects("train", failing).toString())
              .hasMessageContaining("raise prepare_conf.max_reject_fraction");
        });
    assertThat(rejects(strict, failing)).hasSize(Integer.parseInt(parts[0].split(" ")[0]));
    // whoever allows more goes on with the work of all stages that were done
    StageContext lenient = context(0.5, encoder);
    Stages.run(lenient, Stage.PREPARE_DATA, new PrepareData());
    assertThat(tasks.get(at).inputHash(lenient)).isEqualTo(tasks.get(at).inputHash(strict));
    Stages.run(lenient, failing, tasks.get(at));
  }

  private static List<String> rejects(StageContext context, Stage stage) throws IOException {
    return Files.readAllLines(context.layout().rejects("train", stage));
  }

  private StageContext context(double maxRejectFraction, String encoder) {
    return Stages.context(folder.resolve("run"), Stages.options(train, dev, null, null, encoder, "builtin"),
        new FlowConfig.Prepare(maxRejectFraction, 0.005, 2.5));
  }

  private static void add(Path input, String utt, double seconds, String text) throws IOException {
    float[] samples = new float[(int) (16_000 * seconds)];
    for (int i = 0; i < samples.length; i++) {
      samples[i] = (float) (0.3 * Math.sin((0.03 + 0.01 * (utt.length())) * i) * Math.cos(1e-4 * i));
    }
    Files.write(input.resolve(utt + ".wav"), Wav.encode(new Waveform(samples, 16_000)));
    Files.writeString(input.resolve(utt + ".txt"), text);
  }
}
