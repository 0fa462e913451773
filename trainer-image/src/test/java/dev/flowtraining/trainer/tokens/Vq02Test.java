package dev.flowtraining.trainer.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.models.ReleasedFiles;
import dev.flowtraining.trainer.models.TokenizerFolder;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** vq02 against FunASR's own numbers, with both kinds of encoder. */
class Vq02Test {
  private static Map<String, Tensor> expected;
  private static JsonNode meta;
  @TempDir Path folder;

  @BeforeAll
  static void read() {
    expected = Fixtures.npz("vq02/vq02.npz");
    meta = Fixtures.json("vq02/meta.json");
  }

  @Test
  void cmvnIsThatOfTheFile() {
    Cmvn cmvn = Cmvn.read(Fixtures.file("vq02/am.mvn"));
    assertThat(cmvn.shift()).isEqualTo(expected.get("cmvn_shift").floats());
    assertThat(cmvn.scale()).isEqualTo(expected.get("cmvn_scale").floats());
  }

  @Test
  void frontEndGivesUpstreamsRows() {
    float[] rows = new Vq02FrontEnd(Cmvn.read(Fixtures.file("vq02/am.mvn"))).of(expected.get("wav16k").floats());
    // log features amplify rounding where energy is near the floor
    JsonNode tolerance = Fixtures.json("audio/meta.json").get("suggested_tolerance");
    assertClose(rows, expected.get("frontend_out").floats(), tolerance.get("log_mel_abs").asDouble());
    assertThat(rows).hasSize(meta.get("total_rows").asInt() * Vq02FrontEnd.DIMENSIONS);
  }

  @Test
  void rowsAreAsManyAsChunkByChunk() {
    for (int samples = 0; samples < 12_000; samples++) {
      assertThat(Vq02FrontEnd.rows(samples)).as("%d samples", samples).isEqualTo(chunkByChunk(samples));
    }
    JsonNode chunks = meta.get("chunk_rows");
    assertThat(Vq02FrontEnd.rows(meta.get("wav_samples").asInt()))
        .isEqualTo(IntStream.range(0, chunks.size()).map(i -> chunks.get(i).asInt()).sum());
  }

  /** Counts as upstream does: samples, frames and stacked rows carried from chunk to chunk. */
  private static int chunkByChunk(int samples) {
    int rows = 0;
    int carriedSamples = 0;
    int carriedFrames = -1; // none yet
    for (int from = 0; from < samples; from += 3840) {
      boolean isFinal = from + 3840 > samples;
      int in = carriedSamples + Math.min(3840, samples - from);
      int frames = in < 400 ? 0 : (in - 400) / 160 + 1;
      carriedSamples = in - frames * 160;
      if (frames == 0) {
        break; // upstream throws here and takes it for the end
      }
      int stacked = frames + (carriedFrames < 0 ? 3 : carriedFrames);
      if (stacked < 7) {
        break;
      }
      int wanted = (int) Math.ceil((stacked - 3) / 6.0);
      int given = 0;
      while (given < wanted && (isFinal || 7 <= stacked - 6 * given)) {
        given++;
      }
      carriedFrames = stacked - Math.min(stacked - 1, 6 * given);
      rows += given;
    }
    return rows;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void encoderGivesUpstreamsNumbers(boolean torch) throws IOException {
    try (SanmEncoder encoder = encoder(torch)) {
      float[] rows = new SanmPositions(encoder.inputs()).addTo(expected.get("frontend_out").floats(), encoder.outputs());
      assertClose(encoder.encode(rows), expected.get("enc_out").floats(), 5e-5);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void codesAreUpstreams(boolean torch) throws IOException {
    TokenizerFolder files = TokenizerFolder.of(ReleasedFiles.tokenizer(folder, torch));
    try (Vq02 vq02 = Vq02.open(files, "cpu")) {
      assertThat(Arrays.stream(vq02.codes(expected.get("wav16k").floats())).asLongStream().toArray())
          .isEqualTo(expected.get("codes").longs());
      assertThat(vq02.codes(new float[300])).isEmpty();
    }
  }

  /** Long enough that the caches are full, and for every number of rows in the last chunk. */
  @Test
  void bothEncodersAgreeOnLongRecordings() throws IOException {
    try (SanmEncoder torch = encoder(true); SanmEncoder onnx = encoder(false)) {
      Random random = new Random(1);
      for (int count : new int[] {1, 2, 3, 4, 5, 36, 37, 38, 39}) {
        float[] rows = new float[count * torch.inputs()];
        for (int i = 0; i < rows.length; i++) {
          rows[i] = (float) random.nextGaussian();
        }
        new SanmPositions(torch.inputs()).addTo(rows, torch.outputs());
        assertClose(torch.encode(rows.clone()), onnx.encode(rows), 5e-5);
      }
    }
  }

  /** Keys and values pass from one block of windows to the next. */
  @Test
  void longRecordingsGoInBlocks() throws IOException {
    TokenizerFolder files = TokenizerFolder.of(ReleasedFiles.tokenizer(folder, true));
    int heads = FunAsrConfig.read(files.config()).heads();
    try (SanmEncoder whole = new TorchSanmEncoder(files.weights(), heads, "cpu")) {
      float[] rows = new float[51 * whole.inputs()];
      Random random = new Random(2);
      for (int i = 0; i < rows.length; i++) {
        rows[i] = (float) random.nextGaussian();
      }
      float[] wanted = whole.encode(rows);
      for (int atOnce : new int[] {1, 3, 5, 12}) {
        try (SanmEncoder blocks = new TorchSanmEncoder(files.weights(), heads, "cpu", atOnce)) {
          assertClose(blocks.encode(rows), wanted, 5e-5);
        }
      }
    }
  }

  @Test
  void filesThatDoNotFitAreNamed() throws IOException {
    ReleasedFiles.tokenizer(folder, true);
    Path funAsr = folder.resolve("dengcunqin").resolve(TokenizerFolder.FUN_ASR);
    Path config = funAsr.resolve("config.yaml");
    String yaml = Files.readString(config);
    Files.writeString(config, yaml.replace("lfr_m: 7", "lfr_m: 5"));
    refused("config.yaml", "lfr_m is 5");
    Files.writeString(config, yaml.replace("attention_heads", "heads"));
    refused("config.yaml", "attention_heads");
    Files.writeString(config, yaml);
    Files.write(folder.resolve("linguistic_tokenizer.npy"), ReleasedFiles.npy(Tensor.of(new float[6], 2, 3)));
    refused("model.pt", "centroids have 3");
    Files.writeString(folder.resolve("linguistic_tokenizer.npy"), "no array");
    refused("linguistic_tokenizer.npy", ".npy");
    Files.writeString(funAsr.resolve("am.mvn"), "<AddShift> 2 2 <LearnRateCoef> 0 [ 1 2 ] <Rescale> 2 2 [ 1 2 ]");
    refused("am.mvn", "2 features");
  }

  private void refused(String file, String why) {
    assertThatThrownBy(() -> Vq02.open(TokenizerFolder.of(folder), "cpu").close())
        .isInstanceOfSatisfying(StageFailure.class, e -> {
          assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING);
          assertThat(e.reason()).isEqualTo("ModelUnreadable");
        }).hasMessageContaining(file).hasMessageContaining(why);
  }

  private SanmEncoder encoder(boolean torch) throws IOException {
    Path place = ReleasedFiles.tokenizer(folder.resolve(torch ? "torch" : "onnx"), torch);
    TokenizerFolder files = TokenizerFolder.of(place);
    return torch ? new TorchSanmEncoder(files.weights(), FunAsrConfig.read(files.config()).heads(), "cpu")
        : new OnnxSanmEncoder(files.chunkEncoder(), "cpu");
  }

  private static void assertClose(float[] actual, float[] wanted, double tolerance) {
    assertThat(actual).hasSameSizeAs(wanted);
    double worst = 0;
    for (int i = 0; i < wanted.length; i++) {
      worst = Math.max(worst, Math.abs(actual[i] - wanted[i]));
    }
    assertThat(worst).isLessThan(tolerance);
  }
}
