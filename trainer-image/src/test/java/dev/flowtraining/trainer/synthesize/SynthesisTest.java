package dev.flowtraining.trainer.synthesize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.models.Npy;
import dev.flowtraining.trainer.torch.SafeTensors;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SynthesisTest {
  @TempDir Path folder;
  private final FlowConfig config = ConfigLoader.preset("tiny");
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private Path checkpoint;
  private Path parquet;

  @BeforeEach
  void aRunAndACheckpoint() throws IOException {
    parquet = HeldOutRun.write(new RunLayout(folder), "a", "b/1", "c");
    checkpoint = folder.resolve("epoch_0_whole.pt");
    try (Parameters parameters = Parameters.create(config.model(), Torch.start("cpu", 1))) {
      parameters.initialise(3);
      StateDict dict = parameters.stateDict();
      dict.integers().put("epoch", 0L);
      StateDictFile.write(checkpoint, dict);
      SafeTensors.write(folder.resolve("flow.safetensors"), dict, Map.of());
    }
  }

  private void run(Path file, Path parquetOrNull, double promptSeconds, String promptUtt, String out, String... utts)
      throws IOException {
    new Synthesis(config, "cpu", new PrintStream(printed)).run(new Synthesis.Request(file,
        parquetOrNull == null ? folder : null, "dev", parquetOrNull, List.of(utts), 2, promptSeconds, promptUtt, null, 2, 1,
        folder.resolve(out)));
  }

  private float[] mel(String file) throws IOException {
    return Npy.read(folder.resolve(file)).floats();
  }

  @Test
  void everyFormOfTheModelAndOfTheDataGivesTheSameMel() throws IOException {
    run(checkpoint, null, 0, null, "out", "b/1");
    run(folder.resolve("flow.safetensors"), parquet, 0, null, "again", "b/1");
    StateDict.Tensor mel = Npy.read(folder.resolve("out/1_b_1.mel.npy"));
    assertThat(mel.shape()).hasSize(2).endsWith(80);
    assertThat(mel.floats()).isEqualTo(mel("again/1_b_1.mel.npy"));
    for (String wav : List.of("out/1_b_1.wav", "out/1_b_1_real.wav")) {
      var audio = AudioFile.of(Files.readAllBytes(folder.resolve(wav))).decode();
      assertThat(audio.samples()).hasSize((int) mel.shape()[0] * Mel.HOP);
      assertThat(audio.rate()).isEqualTo(Mel.RATE);
    }
    assertThat(folder.resolve("out/1_b_1.png")).exists();
    assertThat(printed.toString()).contains("b/1").contains("Griffin-Lim");
  }

  @Test
  void withoutIdsTheyAreSpreadOverTheSplit() throws IOException {
    run(checkpoint, null, 0, null, "out");
    assertThat(folder.resolve("out/1_a.mel.npy")).exists();
    assertThat(folder.resolve("out/2_c.mel.npy")).exists();
  }

  @Test
  void aPromptOfItsOwnBeginningLeavesTheRestToBeMade() throws IOException {
    run(checkpoint, null, 0, null, "whole", "a");
    run(checkpoint, null, 0.24, null, "out", "a");
    assertThat(mel("out/1_a.mel.npy").length).isEqualTo(mel("whole/1_a.mel.npy").length - 12 * Mel.BINS);
    assertThatThrownBy(() -> run(checkpoint, null, 5, null, "out", "a")).isInstanceOf(StageFailure.class)
        .hasMessageContaining("leaves nothing to make of a");
  }

  @Test
  void aPromptOfAnotherUtteranceChangesTheMelAndNotItsLength() throws IOException {
    run(checkpoint, null, 0, null, "without", "a");
    run(checkpoint, null, 0, "c", "with", "a");
    assertThat(mel("with/1_a.mel.npy")).hasSameSizeAs(mel("without/1_a.mel.npy"));
    assertThat(Arrays.equals(mel("with/1_a.mel.npy"), mel("without/1_a.mel.npy"))).isFalse();
  }

  @Test
  void whatIsNotThereIsSaid() {
    assertThatThrownBy(() -> run(checkpoint, null, 0, null, "out", "a", "nobody")).isInstanceOf(StageFailure.class)
        .hasMessage("there is no usable utterance nobody among 3");
    assertThatThrownBy(() -> run(folder.resolve("none.pt"), null, 0, null, "out", "a")).isInstanceOf(StageFailure.class)
        .hasMessageContaining("none.pt");
  }

  @Test
  void theNoiseOfABeginningDoesNotDependOnTheLength() {
    float[] ten = Synthesizer.noise_CF(10);
    float[] twenty = Synthesizer.noise_CF(20);
    for (int c = 0; c < Mel.BINS; c++) {
      assertThat(Arrays.copyOfRange(twenty, 20 * c, 20 * c + 10)).isEqualTo(Arrays.copyOfRange(ten, 10 * c, 10 * c + 10));
    }
  }

  @Test
  void theDistanceOfTheMeanMelIsThatOfTheUtterancesTogether() {
    float[] low = new float[2 * Mel.BINS];
    float[] high = new float[6 * Mel.BINS];
    Arrays.fill(high, 4);
    MelDistance distance = MelDistance.of(List.of(new Speech("a", low, high.clone()), new Speech("b", high, high)));
    assertThat(distance.meanMelL1()).isCloseTo(1.5, within(1e-9)); // the mean is 3: 2 frames 3 away, 6 frames 1 away
    assertThat(distance.l1()).isCloseTo(1, within(1e-9));
  }

  @Test
  void aStretchOfAnExampleKeepsTokensAndFramesTogether() {
    int[] tokens = new int[24];
    float[] mel = new float[24 * Mel.BINS];
    Arrays.setAll(tokens, i -> i);
    Arrays.fill(mel, 6 * Mel.BINS, 12 * Mel.BINS, 1);
    Example part = new Example("a", tokens, mel, new float[1]).part(1, 1);
    assertThat(part.token_2T()).containsExactly(6, 7, 8, 9, 10, 11);
    assertThat(part.mel_FC()).hasSize(6 * Mel.BINS).containsOnly(1);
  }

  @Test
  void aPictureShowsSilenceDarkAndSpeechBright() throws IOException {
    float[] real = new float[10 * Mel.BINS];
    Arrays.fill(real, -11);
    Arrays.fill(real, 5 * Mel.BINS, 6 * Mel.BINS, 1);
    Speech speech = new Speech("x", real, real);
    BufferedImage cells = MelPicture.cells(speech);
    assertThat(cells.getRGB(0, 10) & 0xFFFFFF).isEqualTo(MelPicture.colour(0));
    assertThat(cells.getRGB(5, 10) & 0xFFFFFF).isEqualTo(MelPicture.colour(1));
    BufferedImage whole = ImageIO.read(new ByteArrayInputStream(MelPicture.png(speech)));
    assertThat(whole.getWidth()).isEqualTo(MelPicture.width());
    assertThat(whole.getRGB(whole.getWidth() / 2 + 50, 100) & 0xFFFFFF).isEqualTo(MelPicture.colour(1));
  }
}
