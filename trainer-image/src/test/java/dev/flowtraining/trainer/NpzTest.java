package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NpzTest {

  @Test
  void everyArrayOfTheFixturesHasAsManyBytesAsItsShapeSays() {
    for (String file : new String[] {"tiny/weights.npz", "tiny/inputs.npz", "tiny/expected.npz", "audio/features.npz",
        "vq02/vq02.npz", "data/pipeline.npz", "checkpoints/edge_cases.npz"}) {
      Map<String, Tensor> arrays = Fixtures.npz(file);
      assertThat(arrays).as(file).isNotEmpty();
      arrays.forEach((name, t) ->
          assertThat((long) t.data().remaining()).as(file + " " + name).isEqualTo(t.elements() * t.dtype().bytes()));
    }
  }

  @Test
  void theWeightsHaveTheEmbeddingsShapeAndTheLossItsValue() {
    JsonNode model = Fixtures.json("tiny/config.json").get("model");
    Tensor embedding = Fixtures.npz("tiny/weights.npz").get("input_embedding.embedding.weight");
    assertThat(embedding.shape()).containsExactly(model.get("vocab_size").asLong(), model.get("input_size").asLong() / 2);
    Tensor loss = Fixtures.npz("tiny/expected.npz").get("loss");
    assertThat(loss.elements()).isEqualTo(1);
    assertThat(loss.floats()[0])
        .isEqualTo((float) Fixtures.json("tiny/config.json").at("/numbers/loss").asDouble());
  }
}
