package dev.flowtraining.trainer.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.models.ReleasedFiles;
import dev.flowtraining.trainer.models.TokenizerFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReleasedTokenizerTest {
  private static final int SECOND = 16_000;
  @TempDir Path folder;

  @Test
  void vq06GivesTheModelsIds() throws IOException {
    float[] clip = Fixtures.npz("audio/features.npz").get("resample_fn_to_16000").floats();
    try (Vq06 vq06 = Vq06.open(Fixtures.file("onnx_stubs/speech_tokenizer_stub.onnx"), "cpu")) {
      assertThat(Arrays.stream(vq06.codes(clip)).asLongStream().toArray())
          .isEqualTo(Fixtures.npz("onnx_stubs/expected.npz").get("indices").longs());
    }
  }

  @Test
  void vq06TakesThirtySecondsAtATime() throws IOException {
    float[] noise = noise(30 * SECOND + 2 * SECOND + 100);
    try (Vq06 vq06 = Vq06.open(Fixtures.file("onnx_stubs/speech_tokenizer_stub.onnx"), "cpu")) {
      int[] whole = vq06.codes(noise);
      int[] first = vq06.codes(Arrays.copyOf(noise, 30 * SECOND));
      int[] second = vq06.codes(Arrays.copyOfRange(noise, 30 * SECOND, noise.length));
      assertThat(Arrays.copyOf(whole, first.length)).isEqualTo(first);
      assertThat(Arrays.copyOfRange(whole, first.length, whole.length)).isEqualTo(second);
      assertThat(first).hasSizeBetween(748, 752);
      // a rest of less than 30 ms is dropped
      assertThat(vq06.codes(Arrays.copyOf(noise, 30 * SECOND + 479))).isEqualTo(first);
      assertThat(vq06.codes(new float[479])).isEmpty();
    }
  }

  @Test
  void bothStreamsInterleave() throws IOException {
    TokenizerFolder files = TokenizerFolder.of(ReleasedFiles.tokenizer(folder, true));
    float[] clip = Fixtures.npz("vq02/vq02.npz").get("wav16k").floats();
    try (ReleasedTokenizer tokenizer = ReleasedTokenizer.open(files, false, "cpu");
        ReleasedTokenizer trimming = ReleasedTokenizer.open(files, true, "cpu")) {
      float[] input = TokenizerInput.energyNorm(clip);
      assertThat(tokenizer.tokens(clip))
          .isEqualTo(DualCodebook.interleave(tokenizer.vq02().codes(input), tokenizer.vq06().codes(input)));
      DualCodebook.validate(tokenizer.tokens(clip));
      // a group is two codes of vq02 or three of vq06
      int groups = Math.min(tokenizer.vq02().codes(input).length / 2, tokenizer.vq06().codes(input).length / 3);
      assertThat(tokenizer.tokens(clip)).hasSize(5 * groups).isNotEmpty();
      float[] late = new float[clip.length + SECOND];
      System.arraycopy(clip, 0, late, SECOND, clip.length);
      assertThat(trimming.tokens(late).length).isLessThan(tokenizer.tokens(late).length);
      assertThat(tokenizer.tokens(new float[100])).isEmpty();
      assertThat(tokenizer.vq02Codes()).isEqualTo((int) Fixtures.npz("vq02/vq02.npz").get("codebook").shape()[0]);
    }
  }

  @Test
  void filesAreFoundWhereverTheyLie() throws IOException {
    Path top = ReleasedFiles.tokenizer(folder.resolve("a"), true);
    Path below = top.resolve("dengcunqin").resolve(TokenizerFolder.FUN_ASR);
    for (Path place : new Path[] {top.resolve(TokenizerFolder.FUN_ASR), folder.resolve(TokenizerFolder.FUN_ASR)}) {
      Files.move(below, place);
      below = place;
      assertThat(TokenizerFolder.of(top).weights()).isEqualTo(place.resolve("model.pt"));
    }
    for (String name : new String[] {"model.pt", "am.mvn", "config.yaml"}) {
      Files.move(below.resolve(name), top.resolve(name));
    }
    assertThat(TokenizerFolder.of(top).weights()).isEqualTo(top.resolve("model.pt"));
    Files.delete(top.resolve("config.yaml"));
    Files.delete(top.resolve("linguistic_tokenizer.npy"));
    assertThatThrownBy(() -> TokenizerFolder.of(top)).isInstanceOf(StageFailure.class)
        .hasMessageContaining("lacks linguistic_tokenizer.npy, config.yaml;").hasMessageContaining("searched " + top);
    Files.delete(top.resolve("model.pt"));
    assertThatThrownBy(() -> TokenizerFolder.of(top)).hasMessageContaining("model.pt (or sanm_chunk.onnx)");
  }

  @Test
  void anotherModelIsRefused() throws IOException {
    TokenizerFolder files = TokenizerFolder.of(ReleasedFiles.tokenizer(folder, false));
    assertThatThrownBy(() -> Vq06.open(files.chunkEncoder(), "cpu")).isInstanceOfSatisfying(StageFailure.class,
        e -> assertThat(e.reason()).isEqualTo("ModelUnreadable")).hasMessageContaining("k_cache");
    Files.writeString(files.vq06(), "no model");
    assertThatThrownBy(() -> ReleasedTokenizer.open(files, false, "cpu"))
        .hasMessageContaining("speech_tokenizer_v1.onnx");
  }

  private static float[] noise(int samples) {
    Random random = new Random(3);
    float[] noise = new float[samples];
    for (int i = 0; i < samples; i++) {
      noise[i] = 0.1f * (float) random.nextGaussian();
    }
    return noise;
  }
}
