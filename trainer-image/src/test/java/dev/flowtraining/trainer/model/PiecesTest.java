package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.Torch;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The gradients in the order in which they become final. */
class PiecesTest {
  private static final ModelConfig DEEP = new ModelConfig(101, 48, 80, 192, new ModelConfig.Encoder(48, 48, "linear", 3,
      1, 1, 2, 2, 2, "rel_pos_espnet", "rel_selfattn", true, 80, 0.1, 0.1, 0.1, true),
      new ModelConfig.Estimator(320, 80, 2, 10, 2, 24, 48), 0.7);

  @ParameterizedTest
  @ValueSource(strings = {"", "encoder.up_layer", "decoder.estimator.blocks.8", "decoder.estimator", "encoder",
      "input_embedding,spk_embed_affine_layer,encoder"})
  void they_cover_what_is_trained_from_its_end_to_its_start(String frozen) {
    Set<String> names = Frozen.names(DEEP, frozen.isEmpty() ? List.of() : List.of(frozen.split(",")));
    try (Parameters parameters = Parameters.create(DEEP, Torch.start("cpu", 1), Precision.FP32,
        new Parameters.Layout(names, 3, false))) {
      Pieces pieces = Pieces.of(parameters);
      long end = parameters.trained();
      for (Pieces.Piece piece : pieces.all()) {
        assertThat(piece.length()).isPositive();
        assertThat(piece.start() + piece.length()).isEqualTo(end);
        end = piece.start();
      }
      assertThat(end).isZero();
      if (frozen.isEmpty()) {
        assertThat(pieces.all()).extracting(Pieces.Piece::seam)
            .containsExactly("dit.block8", "dit.block4", "dit", "enc.up", "");
      }
    }
  }
}
