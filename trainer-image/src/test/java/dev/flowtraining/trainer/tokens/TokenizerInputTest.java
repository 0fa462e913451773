package dev.flowtraining.trainer.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TokenizerInputTest {
  private final JsonNode meta = Fixtures.json("audio/meta.json");
  private final Map<String, Tensor> expected = Fixtures.npz("audio/features.npz");

  @Test
  void energyIsNormedAndSilenceTrimmedAsUpstreamDoes() {
    float tolerance = (float) meta.at("/suggested_tolerance/trim_abs").asDouble();
    assertThat(TokenizerInput.trim(TokenizerInput.energyNorm(floats("prep_input_16k"))))
        .containsExactly(floats("prep_trimmed"), offset(tolerance));
    assertThat(TokenizerInput.trim(TokenizerInput.energyNorm(floats("resample_fn_to_16000"))))
        .containsExactly(floats("prep_trimmed_no_lead"), offset(tolerance));
  }

  @Test
  void quietRecordingsAreNotBlownUp() {
    JsonNode quiet = meta.at("/prep/energy_norm_of_0_002");
    float[] normed = TokenizerInput.energyNorm(new float[] {0.002f, 0.002f, 0.002f, 0.002f});
    for (int i = 0; i < quiet.size(); i++) {
      assertThat(normed[i]).isEqualTo((float) quiet.get(i).asDouble(), offset(1e-7f));
    }
    assertThat(TokenizerInput.trim(new float[1000])).isEqualTo(new float[1200 + 4320]);
    assertThat(TokenizerInput.trim(new float[0])).isEqualTo(new float[4320]);
  }

  private float[] floats(String name) {
    return expected.get(name).floats();
  }
}
