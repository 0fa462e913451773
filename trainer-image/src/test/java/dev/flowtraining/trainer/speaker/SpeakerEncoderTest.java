package dev.flowtraining.trainer.speaker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.TextVector;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpeakerEncoderTest {

  @Test
  void builtinTellsVoicesApart() {
    BuiltinSpeakerEncoder encoder = new BuiltinSpeakerEncoder();
    float[][] low = new float[3][];
    float[][] high = new float[3][];
    for (int i = 0; i < 3; i++) {
      low[i] = encoder.embed(voice(100, 0.90, 3 + i, i));
      high[i] = encoder.embed(voice(210, 1.15, 3 + i, 10 + i));
    }
    double leastAlike = 1;
    double mostAlike = -1;
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 3; j++) {
        leastAlike = Math.min(leastAlike, Math.min(cosine(low[i], low[j]), cosine(high[i], high[j])));
        mostAlike = Math.max(mostAlike, cosine(low[i], high[j]));
      }
    }
    assertThat(leastAlike).isGreaterThan(mostAlike + 0.1);
  }

  @Test
  void builtinIsDeterministicAndDeafToLoudness() {
    BuiltinSpeakerEncoder encoder = new BuiltinSpeakerEncoder();
    float[] voice = voice(120, 1, 2, 5);
    float[] quiet = voice.clone();
    for (int i = 0; i < quiet.length; i++) {
      quiet[i] /= 4;
    }
    assertThat(encoder.embed(voice)).hasSize(192).isEqualTo(encoder.embed(voice));
    assertThat(cosine(encoder.embed(voice), encoder.embed(quiet))).isGreaterThan(0.999);
    // silence and a recording shorter than a window are still numbers
    assertThat(encoder.embed(new float[16_000])).doesNotContain(Float.NaN);
    assertThat(encoder.embed(new float[] {0.1f})).doesNotContain(Float.NaN);
  }

  @Test
  void onnxModel() throws IOException {
    Tensor expected = Fixtures.npz("onnx_stubs/expected.npz").get("embedding");
    Tensor clip = Fixtures.npz("audio/features.npz").get("resample_fn_to_16000");
    try (OnnxSpeakerEncoder encoder = new OnnxSpeakerEncoder(Fixtures.file("onnx_stubs/campplus_stub.onnx"), "cpu")) {
      assertThat(encoder.embed(floats(clip))).containsExactly(floats(expected), offset(1e-4f));
    }
  }

  @Test
  void aFileThatIsNoModel(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("campplus.onnx"), "no model");
    assertThatThrownBy(() -> new OnnxSpeakerEncoder(file, "cpu")).isInstanceOfSatisfying(StageFailure.class,
        e -> assertThat(e.reason()).isEqualTo("ModelUnreadable"));
  }

  @Test
  void textVectors() {
    float[] vector = {0.1f, -2, 3e-9f};
    assertThat(TextVector.write(vector)).isEqualTo("[ 0.1 -2.0 3.0E-9 ]");
    assertThat(TextVector.read(TextVector.write(vector))).containsExactly(0.1f, -2, 3e-9f);
    assertThatThrownBy(() -> TextVector.read("0.1 0.2")).hasMessageContaining("not a Kaldi vector");
  }

  /** A pulse train through three resonances that move a little: as much of a voice as the statistics need. */
  private static float[] voice(double pitch, double tract, int seconds, long seed) {
    Random random = new Random(seed);
    float[] out = new float[seconds * 16_000];
    double[][] state = new double[3][2];
    double phase = 0;
    double shift = 1;
    for (int i = 0; i < out.length; i++) {
      if (i % 1600 == 0) {
        shift = 0.85 + 0.3 * random.nextDouble();
      }
      phase += pitch / 16_000;
      double x = phase >= 1 ? 1 : 0.01 * random.nextGaussian();
      phase -= phase >= 1 ? 1 : 0;
      double y = 0;
      double[] formants = {500, 1500, 2500};
      for (int f = 0; f < 3; f++) {
        double r = 0.97;
        double w = 2 * Math.PI * formants[f] * tract * (f == 2 ? 1 : shift) / 16_000;
        double s = x + 2 * r * Math.cos(w) * state[f][0] - r * r * state[f][1];
        state[f][1] = state[f][0];
        state[f][0] = s;
        y += s / (f + 1);
      }
      out[i] = (float) (y * 0.02);
    }
    return out;
  }

  private static double cosine(float[] a, float[] b) {
    double dot = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      dot += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    return dot / Math.sqrt(aa * bb);
  }

  private static float[] floats(Tensor t) {
    float[] values = new float[(int) t.elements()];
    t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }
}
