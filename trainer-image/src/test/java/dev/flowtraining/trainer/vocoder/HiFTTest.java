package dev.flowtraining.trainer.vocoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.Npz;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Against what the original code made with the same random weights (src/test/python/make_hift.py). */
class HiFTTest {
  private static final Path FOLDER = Path.of("src/test/resources/hift");
  private static final Path FILE = FOLDER.resolve("hift.pt");
  private static Map<String, StateDict.Tensor> expected;

  @BeforeAll
  static void start() throws Exception {
    Torch.start("cpu", 1);
    expected = Npz.read(FOLDER.resolve("expected.npz"));
  }

  private static float[] mel_FC() {
    return expected.get("mel_FC").floats();
  }

  /** The generator of make_hift.py. */
  private static float[] noise(int size) {
    float[] noise = new float[size];
    long n = 1;
    for (int i = 0; i < size; i++) {
      n = (n * 1_103_515_245L + 12_345) % (1L << 31);
      noise[i] = (float) (n / (double) (1 << 30) - 1);
    }
    return noise;
  }

  private static float[] audio(StateDict dict) {
    try (HiFT hift = new HiFT(HiFTWeights.of(FILE, dict), Device.cpu())) {
      return hift.audio(mel_FC(), noise(mel_FC().length / Mel.BINS * Mel.HOP * 9));
    }
  }

  private static double largestDifference(float[] a, float[] b) {
    assertThat(a).hasSameSizeAs(b);
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      largest = Math.max(largest, Math.abs(a[i] - b[i]));
    }
    return largest;
  }

  @Test
  void the_pitch_is_the_originals() {
    try (HiFT hift = new HiFT(FILE, Device.cpu()); NDManager m = NDManager.newBaseManager(Device.cpu(), "PyTorch")) {
      float[] mel_FC = mel_FC();
      float[] f0 = hift.pitch_F(m.create(FloatBuffer.wrap(mel_FC), new Shape(1, mel_FC.length / Mel.BINS, Mel.BINS))
          .transpose(0, 2, 1));
      assertThat(largestDifference(f0, expected.get("f0_F").floats())).isLessThan(1e-3);
    }
  }

  @Test
  void the_excitation_is_the_originals() {
    HiFTWeights weights = HiFTWeights.read(FILE);
    SineSource source = new SineSource(weights.values("m_source.l_linear.weight"),
        weights.values("m_source.l_linear.bias")[0], Mel.RATE, Mel.HOP);
    float[] f0 = expected.get("f0_F").floats();
    float[] samples = source.samples(f0, noise(f0.length * Mel.HOP * source.harmonics()));
    assertThat(largestDifference(samples, expected.get("source_L").floats())).isLessThan(1e-5);
  }

  @Test
  void the_audio_is_the_originals() {
    double difference = largestDifference(audio(StateDictFile.read(FILE)), expected.get("audio_L").floats());
    System.out.printf("HiFT: largest difference from the original %.2g%n", difference);
    assertThat(difference).isLessThan(1e-4);
  }

  @Test
  void both_names_of_weight_normalisation_and_the_trainers_prefix_are_understood() {
    StateDict dict = StateDictFile.read(FILE);
    LinkedHashMap<String, StateDict.Tensor> renamed = new LinkedHashMap<>();
    dict.tensors().forEach((name, tensor) -> renamed.put("generator." + name
        .replaceFirst("weight_g$", "parametrizations.weight.original0")
        .replaceFirst("weight_v$", "parametrizations.weight.original1"), tensor));
    assertThat(renamed.keySet()).anyMatch(n -> n.endsWith("original0"));
    assertThat(audio(new StateDict(renamed))).isEqualTo(audio(dict));
  }

  @Test
  void the_same_mel_gives_the_same_audio_of_its_length() {
    try (HiFT hift = new HiFT(FILE, Device.cpu())) {
      float[] audio = hift.audio(mel_FC());
      assertThat(audio).hasSize(mel_FC().length / Mel.BINS * Mel.HOP).isEqualTo(hift.audio(mel_FC()));
    }
  }

  @Test
  void another_model_is_refused_with_what_it_lacks() {
    StateDict dict = StateDictFile.read(FILE);
    dict.tensors().keySet().removeIf(n -> n.startsWith("conv_post"));
    assertThatThrownBy(() -> audio(dict)).isInstanceOf(StageFailure.class)
        .hasMessageContaining("no tensor conv_post.weight").hasMessageContaining("hift.pt");
  }

  @Test
  void the_short_time_transform_inverts_itself() {
    ShortTimeFourier fourier = new ShortTimeFourier(16, 4);
    float[] signal = noise(80);
    float[] spectrum = fourier.analyse(signal);
    int half = spectrum.length / 2;
    float[] magnitude = new float[half];
    float[] phase = new float[half];
    for (int i = 0; i < half; i++) {
      magnitude[i] = (float) Math.hypot(spectrum[i], spectrum[half + i]);
      phase[i] = (float) Math.atan2(spectrum[half + i], spectrum[i]);
    }
    assertThat(largestDifference(fourier.synthesise(magnitude, phase), signal)).isLessThan(1e-5);
  }
}
