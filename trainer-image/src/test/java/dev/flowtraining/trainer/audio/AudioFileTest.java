package dev.flowtraining.trainer.audio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.Npz;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every format against what ffmpeg and the reference decoders make of the same file (make_audio_files.py). */
class AudioFileTest {
  private static final double STEP_16_BITS = 1 / 32768.0;
  private static Map<String, Tensor> expected;

  @BeforeAll
  static void read() {
    expected = new TreeMap<>(Npz.read(sample("expected.npz")));
  }

  /** A file of src/test/resources/audio. */
  static Path sample(String name) {
    try {
      return Path.of(AudioFileTest.class.getResource("/audio/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  @TestFactory
  Stream<DynamicTest> decodesAsTheOriginals() {
    return expected.keySet().stream().map(name -> DynamicTest.dynamicTest(name, () -> compare(name)));
  }

  private static void compare(String name) throws IOException {
    AudioFile file = AudioFile.of(Files.readAllBytes(sample(name)));
    file.format().requireName(name);
    Waveform wave = file.decode();
    float[] wanted = floats(expected.get(name));
    assertThat(wave.rate())
        .isEqualTo(file.format() == AudioFormat.OPUS ? 48_000 : Integer.parseInt(name.split("_")[1]));
    assertThat(wave.samples()).hasSameSizeAs(wanted);
    assertThat(file.info()).isEqualTo(
        new AudioFile.Info(wave.rate(), name.contains("2ch") ? 2 : 1, encoding(name), wanted.length));
    double worst = 0;
    double sum = 0;
    for (int i = 0; i < wanted.length; i++) {
      worst = Math.max(worst, Math.abs(wave.samples()[i] - wanted[i]));
      sum += Math.abs(wave.samples()[i] - wanted[i]);
    }
    assertThat(worst).isLessThanOrEqualTo(tolerance(name, file.format()));
    assertThat(sum / wanted.length).isLessThanOrEqualTo(tolerance(name, file.format()) / 4);
  }

  private static String encoding(String name) {
    return switch (name.split("_")[0]) {
      case "u8" -> "PCM 8";
      case "s16", "rf64" -> "PCM 16";
      case "s24", "extensible" -> "PCM 24";
      case "s32" -> "PCM 32";
      case "f32" -> "float 32";
      case "f64" -> "float 64";
      case "alaw" -> "A-law";
      case "mulaw" -> "µ-law";
      case "flac16" -> "FLAC 16";
      case "flac24" -> "FLAC 24";
      case "vorbis" -> "Vorbis";
      case "opus", "silk", "hybrid" -> "Opus";
      default -> "MP3";
    };
  }

  private static double tolerance(String name, AudioFormat format) {
    return switch (format) {
      // the mean of two channels is taken in float64 here, there of what was float32 already
      case WAV -> name.matches("[sf](32|64)_.*2ch.wav") ? Math.ulp(1f) : 0;
      case FLAC -> 0;
      case VORBIS, MP3 -> 1.1 * STEP_16_BITS; // expected values are of 16 bits
      case OPUS -> 32 * STEP_16_BITS; // fixed-point arithmetic here, floats there
    };
  }

  private static float[] floats(Tensor t) {
    float[] values = new float[(int) t.elements()];
    t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }
}
