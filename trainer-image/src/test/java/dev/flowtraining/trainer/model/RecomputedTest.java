package dev.flowtraining.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.torch.Autograd;
import dev.flowtraining.trainer.torch.NativeHeap;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.Tensors;
import dev.flowtraining.trainer.torch.Torch;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Blocks that are computed again give the gradients of blocks that are kept, and less has to be kept. */
class RecomputedTest {
  private static final FlowConfig.FlowMatching MATCHING = new FlowConfig.FlowMatching(1e-6, 0.2, 0.5, 0.3);

  private record Outcome(float[] gradients, double loss) {}

  private static Outcome passes(boolean recompute, double dropout, Precision precision, Set<String> frozen) {
    try (FixtureModel fixture = FixtureModel.tiny();
        Parameters parameters = Parameters.create(fixture.modelConfig, Torch.start("cpu", 1), precision,
            new Parameters.Layout(frozen, 1, false))) {
      parameters.load(fixture.parameters.stateDict(), true);
      try (Passes passes = Passes.of(
          new FlowModel(fixture.modelConfig, MATCHING, parameters), parameters, dropout, 600, false, false, recompute)) {
        passes.begin();
        passes.run(fixture.batch(), fixture.draws(), 1);
        passes.run(fixture.batch(), fixture.draws(), 2);
        return new Outcome(parameters.grad().toFloatArray(), passes.lossSum().getFloat());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.1})
  void gradients_are_equal_bit_for_bit(double dropout) {
    Outcome kept = passes(false, dropout, Precision.FP32, Set.of());
    Outcome again = passes(true, dropout, Precision.FP32, Set.of());
    assertThat(again.loss).isEqualTo(kept.loss);
    assertThat(Arrays.equals(again.gradients, kept.gradients)).as("gradients").isTrue();
    assertThat(passes(false, dropout, Precision.FP32, Set.of()).loss).isEqualTo(kept.loss);
  }

  @Test
  void dropout_is_not_off_and_each_pass_has_its_own() {
    assertThat(passes(true, 0.1, Precision.FP32, Set.of()).loss).isNotEqualTo(passes(true, 0, Precision.FP32, Set.of()).loss);
  }

  @Test
  void half_precision_and_frozen_parts_too() {
    assertThat(same(Precision.BF16, Set.of())).isTrue();
    try (FixtureModel fixture = FixtureModel.tiny()) {
      for (String part : List.of("encoder", "decoder", "decoder.estimator.t_embedder")) {
        Set<String> frozen = Frozen.names(fixture.modelConfig, List.of(part));
        assertThat(frozen).isNotEmpty();
        assertThat(same(Precision.FP32, frozen)).as(part).isTrue();
      }
    }
  }

  private static boolean same(Precision precision, Set<String> frozen) {
    float[] kept = passes(false, 0.1, precision, frozen).gradients;
    assertThat(kept).as("gradients").isNotEqualTo(new float[kept.length]);
    return Arrays.equals(passes(true, 0.1, precision, frozen).gradients, kept);
  }

  @Test
  @DisabledIfSystemProperty(named = "fixtures.device", matches = "cuda.*", disabledReason = "the heap holds the CPU's")
  void less_is_held_between_forward_and_backward() {
    held(new Blocks.Seeded(1)); // what libtorch sets up once
    long kept = held(new Blocks.Seeded(1));
    long again = held(new Recomputed(1));
    assertThat(again).as("bytes held, against %d", kept).isLessThan(kept * 6 / 10);
  }

  private static long held(Blocks blocks) {
    try (FixtureModel fixture = FixtureModel.tiny(); NDManager manager = fixture.manager()) {
      int utterances = 8;
      int tokens = 200; // activations far above what the JVM itself takes meanwhile
      Batch batch = new Batch(Collections.nCopies(utterances, "u"), new long[utterances * tokens * 2],
          IntStream.generate(() -> tokens).limit(utterances).toArray(),
          new float[utterances * 2 * tokens * fixture.modelConfig.outputSize()],
          new float[utterances * fixture.modelConfig.spkEmbedDim()]);
      Draws draws = new Draws(new float[utterances], new float[batch.mel_BFC().length], new int[utterances],
          new boolean[utterances]);
      Inputs in = fixture.model.inputs(manager, batch, draws);
      long before = NativeHeap.inUse();
      NDArray loss = fixture.model.lossSum(in, 0.1, blocks, manager, new Autograd());
      long after = NativeHeap.inUse();
      assertThat(Tensors.isRecorded(loss)).isTrue();
      return after - before;
    }
  }
}
