package dev.flowtraining.trainer.audio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every feature against the numbers of the reference implementations (torchaudio, librosa, whisper). */
class FeaturesTest {
  private static JsonNode meta;
  private static Map<String, Tensor> expected;
  private static Map<String, Tensor> banks;
  private static Waveform clip;

  @BeforeAll
  static void read() throws IOException {
    meta = Fixtures.json("audio/meta.json");
    expected = Fixtures.npz("audio/features.npz");
    banks = Fixtures.npz("audio/filterbanks.npz");
    clip = AudioFile.of(Files.readAllBytes(Fixtures.file("audio/clip.wav"))).decode();
  }

  @Test
  void clipDecodesExactly() {
    assertThat(clip.rate()).isEqualTo(meta.get("sample_rate").asInt());
    assertThat(clip.samples()).isEqualTo(floats("clip"));
  }

  @Test
  void resamplesAsTorchaudio() {
    double tolerance = meta.at("/suggested_tolerance/resample_abs").asDouble();
    assertClose(clip.at(24_000).samples(), floats("resample_fn_to_24000"), tolerance);
    assertClose(clip.at(16_000).samples(), floats("resample_fn_to_16000"), tolerance);
    assertClose(Resample.between(16_000, 24_000).apply(floats("resample_fn_to_16000")),
        floats("resample_fn_16000_to_24000"), tolerance);
    assertClose(Resample.between(24_000, 16_000).apply(floats("resample_fn_to_24000")),
        floats("resample_fn_24000_to_16000"), tolerance);
  }

  @Test
  void mel() {
    float[] samples = floats("resample_fn_to_24000");
    assertLogMel(Mel.of(samples), transposed("mel24k", Mel.BINS));
    assertLogMel(Mel.of(Arrays.copyOf(samples, (samples.length + 959) / 960 * 960)),
        transposed("mel24k_padded_to_960", Mel.BINS));
  }

  @Test
  void kaldiFbanks() {
    float[] samples = floats("resample_fn_to_16000");
    assertLogMel(Fbank.POVEY.of(samples), floats("kaldi_fbank_povey"));
    assertLogMel(Fbank.subtractMean(Fbank.POVEY.of(samples)), floats("kaldi_fbank_povey_mean_subtracted"));
    assertLogMel(Fbank.HAMMING_INT16.of(samples), floats("kaldi_fbank_hamming_x32768"));
  }

  @Test
  void whisperMel() {
    float[] samples = floats("resample_fn_to_16000");
    assertLogMel(WhisperMel.of(samples), transposed("whisper_logmel128", WhisperMel.BINS));
  }

  @Test
  void filterBanks() {
    assertBank(MelBank.slaney(24_000, 1920, 80, 0, 8000), "slaney_mel_24k_1920_80_0_8000");
    assertBank(MelBank.slaney(16_000, 400, 128, 0, 8000), "whisper_mel_128");
    assertBank(MelBank.kaldi(16_000, 512, 80, 20, 8000), "kaldi_mel_80_512_20_8000");
  }

  @Test
  void windows() {
    assertWindow(Window.hannPeriodic(1920), "hann_periodic_1920");
    assertWindow(Window.povey(400), "povey_400");
    assertWindow(Window.hamming(400), "hamming_400");
  }

  private static void assertWindow(double[] window, String name) {
    float[] actual = new float[window.length];
    for (int i = 0; i < actual.length; i++) {
      actual[i] = (float) window[i];
    }
    assertClose(actual, floats(name), 1e-6);
  }

  private static void assertBank(MelBank bank, String name) {
    float[] dense = floats(name);
    int bins = dense.length / bank.size();
    for (int m = 0; m < bank.size(); m++) {
      for (int k = 0; k < bins; k++) {
        // the reference computes its scale in float32, and near the foot of a triangle that shows
        assertThat(bank.weight(m, k)).isCloseTo(dense[m * bins + k], offset(5e-5));
      }
    }
  }

  private static void assertLogMel(float[] actual, float[] wanted) {
    assertClose(actual, wanted, meta.at("/suggested_tolerance/log_mel_abs").asDouble());
    double sum = 0;
    for (int i = 0; i < wanted.length; i++) {
      sum += Math.abs(actual[i] - wanted[i]);
    }
    assertThat(sum / wanted.length).isLessThan(meta.at("/suggested_tolerance/log_mel_mean_abs").asDouble());
  }

  private static void assertClose(float[] actual, float[] wanted, double tolerance) {
    assertThat(actual).hasSameSizeAs(wanted);
    double worst = 0;
    for (int i = 0; i < wanted.length; i++) {
      worst = Math.max(worst, Math.abs(actual[i] - wanted[i]));
    }
    assertThat(worst).isLessThan(tolerance);
  }

  private static float[] floats(String name) {
    Tensor t = expected.containsKey(name) ? expected.get(name) : banks.get(name);
    float[] values = new float[(int) t.elements()];
    ByteBuffer data = t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().get(values);
    return values;
  }

  /** (bins, frames) → frames × bins. */
  private static float[] transposed(String name, int bins) {
    float[] in = floats(name);
    int frames = in.length / bins;
    float[] out = new float[in.length];
    for (int b = 0; b < bins; b++) {
      for (int f = 0; f < frames; f++) {
        out[f * bins + b] = in[b * frames + f];
      }
    }
    return out;
  }
}
