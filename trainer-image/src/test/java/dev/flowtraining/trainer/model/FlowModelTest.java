package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Torch;
import dev.flowtraining.trainer.train.GradientNorm;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FlowModelTest {
  private FixtureModel fixture;

  @BeforeEach
  void open() {
    fixture = FixtureModel.tiny();
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  /** The draws of one utterance of the batch, for that utterance alone. */
  private Draws drawsOf(int utterance) {
    Draws all = fixture.draws();
    int frames = 2 * fixture.ints("token_len")[utterance];
    int padded = 2 * (int) fixture.inputs.get("token").shape()[1];
    int mel = fixture.modelConfig.outputSize();
    float[] z = new float[mel * frames];
    for (int c = 0; c < mel; c++) {
      System.arraycopy(all.z(), (utterance * mel + c) * padded, z, c * frames, frames);
    }
    return new Draws(new float[] {all.t()[utterance]}, z, new int[] {all.promptFrames()[utterance]},
        new boolean[] {all.dropConditions()[utterance]});
  }

  @Test
  void paddingChangesNothingWhenTheLookAheadIsMasked() {
    fixture.model.maskLookAhead(true);
    double alone = 0;
    double together = fixture.model.evaluateSum(fixture.batch(), fixture.draws());
    for (int i = 0; i < fixture.ints("token_len").length; i++) {
      alone += fixture.model.evaluateSum(fixture.single(i), drawsOf(i));
    }
    assertThat(together).isCloseTo(alone, within(1e-5 * alone));
  }

  @Test
  void whatABatchIsFilledUpWithCountsNowhere() {
    fixture.model.maskLookAhead(true);
    Batch batch = fixture.batch();
    Filling filling = new Filling(batch.size() + 2, batch.tokens() + 5);
    Batch filled = filling.fill(batch);
    assertThat(filled.size()).isEqualTo(batch.size() + 2);
    assertThat(filled.tokens()).isEqualTo(batch.tokens() + 5);
    assertThat(filled.validFrames()).isEqualTo(batch.validFrames());
    double expected = lossAndGradient(batch, fixture.draws());
    double norm = GradientNorm.l2(fixture.parameters);
    assertThat(lossAndGradient(filled, filling.fill(batch, fixture.draws())))
        .isCloseTo(expected, within(1e-5 * expected));
    assertThat(GradientNorm.l2(fixture.parameters)).isCloseTo(norm, within(1e-4 * norm));
  }

  @Test
  void sizesAreFewAndHoldTheirBatches() {
    Batch batch = fixture.batch();
    Filling filling = Filling.of(batch, 2000);
    assertThat(filling.tokens() % 12).isZero();
    assertThat(filling.tokens()).isBetween(batch.tokens(), batch.tokens() + 11);
    assertThat(filling.utterances()).isEqualTo(Math.max(batch.size(), 2000 / (2 * filling.tokens())));
    assertThat(Filling.of(filling.fill(batch), 2000)).isEqualTo(filling);
  }

  private double lossAndGradient(Batch batch, Draws draws) {
    fixture.parameters.zeroGrad();
    try (NDManager m = fixture.manager()) {
      NDArray loss = fixture.model.lossSum(batch, draws, 0, m);
      Backward.run(loss);
      return loss.getFloat();
    }
  }

  /** Upstream lets the look-ahead see padding; parity needs the same, so the default does. */
  @Test
  void paddingReachesTheLastTokensByDefaultAsMuchAsUpstream() {
    int[] lengths = fixture.ints("token_len");
    int longest = Arrays.stream(lengths).max().orElseThrow();
    try (NDManager m = fixture.manager()) {
      float[] together = encoded(m, fixture.batch(), fixture.draws());
      int mel = fixture.modelConfig.outputSize();
      for (int i = 0; i < lengths.length; i++) {
        float[] alone = encoded(m, fixture.single(i), drawsOf(i));
        double difference = FlowModelFixtureTest.largestDifference(
            Arrays.copyOfRange(together, i * 2 * longest * mel, i * 2 * longest * mel + alone.length), alone);
        double expected = fixture.config.get("padding_changes_valid_h_maxdiff_per_sample").get(i).asDouble();
        assertThat(difference).isCloseTo(expected, within(2e-4));
      }
    }
  }

  private float[] encoded(NDManager m, Batch batch, Draws draws) {
    Map<String, float[]> seen = new HashMap<>();
    fixture.model.lossSum(batch, draws, new Pass(m, 0, (name, value) -> {
      if (name.equals("h")) {
        seen.put(name, value.toFloatArray());
      }
    }));
    return seen.get("h");
  }

  @Test
  void aBatchOfOneTrains() {
    fixture.parameters.zeroGrad();
    try (NDManager m = fixture.manager()) {
      NDArray loss = fixture.model.lossSum(fixture.single(0), drawsOf(0), 0.1, m);
      assertThat(loss.getFloat()).isFinite().isPositive();
      Backward.run(loss);
    }
    assertThat(GradientNorm.l2(fixture.parameters)).isFinite().isPositive();
  }

  @Test
  void aSingleTokenTrains() {
    try (NDManager m = fixture.manager()) {
      int mel = fixture.modelConfig.outputSize();
      Batch batch = new Batch(List.of("a"), new long[] {1, 2}, new int[] {1}, new float[2 * mel],
          ones(fixture.modelConfig.spkEmbedDim()));
      NDArray loss = fixture.model.lossSum(
          batch, new Draws(new float[] {0.5f}, new float[2 * mel], new int[1], new boolean[1]), 0.1, m);
      Backward.run(loss);
      assertThat(loss.getFloat()).isFinite();
    }
  }

  private static float[] ones(int n) {
    float[] values = new float[n];
    Arrays.fill(values, 1);
    return values;
  }

  @Test
  void dropoutFollowsTheSeedAndOnlyWhenOn() {
    assertThat(loss(0.1, 5)).isEqualTo(loss(0.1, 5)).isNotEqualTo(loss(0.1, 6));
    assertThat(loss(0, 5)).isEqualTo(loss(0, 6));
  }

  private float loss(double dropout, long seed) {
    Torch.seed(seed);
    try (NDManager m = fixture.manager()) {
      return fixture.model.lossSum(fixture.batch(), fixture.draws(), dropout, m).getFloat();
    }
  }

  @Test
  void stepsLeaveNothingBehindInTheParametersManager() {
    int arrays = -1;
    for (int step = 0; step < 12; step++) {
      try (NDManager m = fixture.manager()) {
        Backward.run(fixture.model.lossSum(fixture.batch(), fixture.draws(), 0.1, m));
      }
      int now = ((BaseNDManager) fixture.parameters.flat().getManager()).getManagedArrays().size();
      if (step > 0) {
        assertThat(now).isEqualTo(arrays);
      }
      arrays = now;
    }
  }
}
