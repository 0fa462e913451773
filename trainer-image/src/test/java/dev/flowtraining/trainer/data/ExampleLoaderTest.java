package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.audio.Resample;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.parquet.ParquetFile;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ExampleLoaderTest {

  @Test
  void agreesWithTheUpstreamPipeline() throws IOException {
    Map<String, Tensor> expected = Fixtures.npz("data/pipeline.npz");
    JsonNode tolerance = Fixtures.json("audio/meta.json").get("suggested_tolerance");
    ExampleLoader loader = new ExampleLoader(config("spk"), 80);
    ExampleLoader utterance = new ExampleLoader(config("utt"), 80);
    int compared = 0;
    for (String file : Fixtures.json("data/meta.json").get("data_list").asText().split("\n")) {
      for (UtteranceRow row : ParquetFile.read(Fixtures.file("data").resolveSibling(file))) {
        Example example = loader.load(row);
        JsonNode listed = Fixtures.json("data/meta.json").at("/pipeline/rows").get(compared++);
        assertThat(row.utt()).isEqualTo(listed.get("utt").asText());
        assertThat(row.speechToken()).hasSize(listed.get("mixed_tokens").asInt());
        assertThat(example.tokens()).isEqualTo(listed.get("time_aligned_tokens").asInt());
        // upstream counts before the trim to whole groups
        assertThat(example.frames()).isLessThanOrEqualTo(listed.get("mel_frames").asInt());
        assertThat(norm(utterance.load(row).speaker())).isCloseTo(listed.get("utt_embedding_norm").asDouble(),
            offset(1e-6));
        assertThat(example.token_2T()).isEqualTo(ints(expected.get(row.utt() + ".speech_token_dual")));
        assertThat(example.speaker())
            .containsExactly(floats(expected.get(row.utt() + ".spk_embedding")), offset(1e-6f));
        float[] mel = floats(expected.get(row.utt() + ".speech_feat"));
        assertThat(example.frames()).isEqualTo(2 * example.tokens());
        assertThat(example.mel_FC()).containsExactly(mel, offset((float) tolerance.get("log_mel_abs").asDouble()));
        AudioFile.Info info = AudioFile.of(row.audioData()).info();
        int resampled = Resample.between(info.rate(), Mel.RATE).length(info.samples());
        assertThat(Math.ceilDiv(resampled, 960) * 960)
            .isEqualTo(listed.get("samples_24k_after_padding_to_960").asInt());
        assertThat(ExampleLoader.frames(info.samples(), info.rate(), row.speechToken().length))
            .isEqualTo(example.frames());
      }
    }
    assertThat(compared).isEqualTo(Fixtures.json("data/meta.json").at("/pipeline/rows").size());
  }

  @Test
  void keepsTheGroupsThatTokensAndAudioShare() throws Unusable {
    float[] noise = new float[16_000];
    for (int i = 0; i < noise.length; i++) {
      noise[i] = (float) Math.sin(i * i);
    }
    long[] group = {1, 2, 1030, 1031, 1032};
    long[] nine = new long[9 * 5];
    for (int i = 0; i < nine.length; i++) {
      nine[i] = group[i % 5];
    }
    ExampleLoader loader = new ExampleLoader(config("spk"), 80);
    // one second is 50 frames: 8 groups of 6
    Example byAudio = loader.load(row(noise, nine));
    assertThat(byAudio.frames()).isEqualTo(48);
    assertThat(byAudio.tokens()).isEqualTo(24);
    Example byTokens = loader.load(row(noise, Arrays.copyOf(nine, 14)));
    assertThat(byTokens.frames()).isEqualTo(12);
    assertThat(byTokens.mel_FC()).isEqualTo(Arrays.copyOf(byAudio.mel_FC(), 12 * 80));
    assertThat(byAudio.speaker()).containsExactly(0.6f, 0.8f);
    assertThatThrownBy(() -> loader.load(row(noise, Arrays.copyOf(nine, 4)))).isInstanceOfSatisfying(Unusable.class,
        e -> assertThat(e.reason()).isEqualTo(RejectReason.TOO_SHORT));
  }

  @Test
  void refusesAnotherMel() {
    assertThatThrownBy(() -> new ExampleLoader(config("utt"), 100)).isInstanceOf(StageFailure.class)
        .hasMessageContaining("output_size 100");
    assertThatThrownBy(() -> new ExampleLoader(config("both"), 80)).hasMessageContaining("must be utt or spk");
  }

  private static UtteranceRow row(float[] samples, long[] tokens) {
    return new UtteranceRow("u", Wav.encode(new Waveform(samples, 16_000)), "u.wav", "t", "s", new double[] {1, 0},
        new double[] {3, 4}, tokens);
  }

  private static FlowConfig.Dataset config(String embedding) {
    return Stages.dataset(embedding);
  }

  private static double norm(float[] vector) {
    double sum = 0;
    for (float v : vector) {
      sum += (double) v * v;
    }
    return Math.sqrt(sum);
  }

  private static int[] ints(Tensor t) {
    long[] values = new long[(int) t.elements()];
    t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(values);
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }

  private static float[] floats(Tensor t) {
    float[] values = new float[(int) t.elements()];
    t.data().duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }
}
