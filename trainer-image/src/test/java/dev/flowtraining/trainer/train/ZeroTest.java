package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.flowtraining.trainer.collective.Alone;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranks that share the optimizer's state do what ranks do that keep it whole. */
class ZeroTest {
  private static final int STEPS = 10;
  /** Passes of an optimizer step, over all ranks. */
  private static final int PASSES = 4;
  private static final FlowConfig.Optim ADAM = new FlowConfig.Optim(1e-3, List.of(0.9, 0.999), 1e-8, 0.01);
  private static final FlowConfig CONFIG = ConfigLoader.preset("tiny");
  private static final Zero.Sizes WHOLE = new Zero.Sizes(500_000_000, 500_000_000);
  private static final Map<String, List<Outcome>> PLAIN = new HashMap<>();

  @TempDir Path dir;

  /** @param gradient the sums of the last step, of the rank's share that begins at {@code start} */
  private record Outcome(float[] parameters, float[] gradient, int start, double norm, long bytes) {}

  /** How a test trains: an engine, and the kind of optimizer. */
  private record Setup(int zero, Zero.Sizes sizes, Precision precision, boolean adam) {
    Engine engine() {
      return new Engine(CONFIG, zero, sizes, LossScale.Rules.TORCH, Optional.empty());
    }

    Optimizer optimizer(Share share) {
      return adam ? new Adam(share, ADAM, true) : new Sgd(share);
    }
  }

  @ParameterizedTest
  @CsvSource({"1,2,500000000", "2,2,500000000", "1,4,500000000", "2,4,500000000", "2,4,10001"})
  void gradients_and_parameters_are_those_of_plain_data_parallel(int stage, int ranks, long bucket) throws Exception {
    List<Outcome> plain = plain(ranks, false);
    List<Outcome> zero = train(ranks, new Setup(stage, new Zero.Sizes(bucket, 2 * bucket), Precision.FP32, false));
    for (Outcome one : zero) {
      assertThat(largestDifference(one.parameters, plain.getFirst().parameters)).as("parameters").isLessThanOrEqualTo(1e-6);
      float[] same = Arrays.copyOfRange(
          plain.getFirst().gradient, one.start, one.start + one.gradient.length);
      assertThat(largestDifference(one.gradient, same) / largest(same)).as("gradients").isLessThanOrEqualTo(1e-6);
      assertThat(one.norm).isCloseTo(plain.getFirst().norm, within(1e-6 * one.norm));
      assertThat(Arrays.equals(one.parameters, zero.getFirst().parameters)).as("equal on all ranks").isTrue();
    }
  }

  @ParameterizedTest
  @CsvSource({"1,2", "2,4"})
  void adams_steps_agree_and_its_memory_falls_with_the_ranks(int stage, int ranks) throws Exception {
    List<Outcome> plain = plain(ranks, true);
    List<Outcome> zero = train(ranks, new Setup(stage, WHOLE, Precision.FP32, true));
    expectWithinOptimizerTolerance(zero.getFirst().parameters, plain.getFirst().parameters);
    for (Outcome one : zero) {
      long whole = plain.getFirst().bytes;
      assertThat(one.bytes).isBetween(whole / ranks, whole / ranks + 8 * 16); // moments, padded to whole parts
    }
  }

  /** In bfloat16 even the sums of gradients exist in parts; passes are exchanged one by one. */
  @Test
  void in_half_precision_sums_of_gradients_are_in_parts() throws Exception {
    Precision half = Precision.BF16;
    List<Outcome> plain = train(2, 3, new Setup(0, WHOLE, half, false));
    List<Outcome> zero = train(2, 3, new Setup(2, new Zero.Sizes(30_000, 50_000), half, false));
    assertThat(largestDifference(zero.getFirst().parameters, plain.getFirst().parameters)).isLessThanOrEqualTo(1e-6);
    try (Parameters parameters = Parameters.create(Toy.MODEL, Torch.start("cpu", 1), half,
        new Setup(2, WHOLE, half, false).engine().layout(half, 2))) {
      assertThat(parameters.grad().size()).as("all that is kept").isEqualTo(parameters.trained() / 2);
    }
  }

  @Test
  void a_state_of_four_ranks_goes_on_with_one_two_and_three() throws Exception {
    Setup setup = new Setup(2, WHOLE, Precision.FP32, true);
    Path weights = dir.resolve("weights.pt");
    Path state = dir.resolve("state.pt");
    float[] expected = RankThreads.joined(4, collective -> {
      try (Rank rank = new Rank(collective, setup)) {
        rank.steps(0, 4);
        try (Arena arena = Arena.ofConfined()) {
          StateDict whole = rank.optimizer.state(rank.exchange, arena);
          if (collective.rank() == 0) {
            StateDictFile.write(weights, rank.parameters.stateDict());
            StateDictFile.write(state, whole);
          }
        }
        return rank.steps(4, 8).parameters;
      }
    }).getFirst();
    for (int ranks = 1; ranks <= 3; ranks++) {
      List<float[]> resumed = RankThreads.joined(ranks, collective -> {
        try (Rank rank = new Rank(collective, setup)) {
          rank.parameters.load(StateDictFile.read(weights), true);
          rank.optimizer.load(StateDictFile.read(state));
          assertThat(rank.optimizer.steps()).isEqualTo(4);
          return rank.steps(4, 8).parameters;
        }
      });
      for (float[] one : resumed) {
        expectWithinOptimizerTolerance(one, expected);
      }
    }
  }

  @Test
  void a_single_rank_keeps_everything() {
    Precision half = Precision.BF16;
    Engine engine = new Setup(2, WHOLE, half, false).engine();
    assertThat(engine.layout(half, 1)).isEqualTo(Parameters.Layout.WHOLE);
    try (Rank alone = new Rank(new Alone(), new Setup(2, WHOLE, half, false))) {
      assertThat(alone.exchange).isInstanceOf(Replicated.class);
    }
  }

  @Test
  void in_float32_sums_cannot_be_in_parts() {
    assertThatThrownBy(() -> Parameters.create(Toy.MODEL, Torch.start("cpu", 1), Precision.FP32,
        new Parameters.Layout(Set.of(), 2, true))).hasMessageContaining("float32");
  }

  /** One rank's part of everything. */
  private static final class Rank implements AutoCloseable {
    final Collective collective;
    final Parameters parameters;
    final Exchange exchange;
    final Optimizer optimizer;
    final FlowModel model;

    Rank(Collective collective, Setup setup) {
      this.collective = collective;
      Engine engine = setup.engine();
      parameters = Parameters.create(Toy.MODEL, Torch.start("cpu", 1), setup.precision,
          engine.layout(setup.precision, collective.worldSize()));
      parameters.initialise(7);
      exchange = engine.exchange(parameters, collective);
      optimizer = setup.optimizer(exchange.share());
      model = Toy.flow(parameters);
    }

    /** The passes of a step are those of the world, whatever its size. */
    Outcome steps(int from, int to) {
      double norm = 0;
      for (int step = from; step < to; step++) {
        parameters.zeroGrad();
        for (int pass = collective.rank(); pass < PASSES + collective.rank(); pass += collective.worldSize()) {
          if (pass < PASSES) {
            Toy.pass(model, parameters, 100L * step + pass);
          }
          exchange.passDone();
        }
        try (Update update = Update.apply(exchange, optimizer, 1e-3, 1 / (PASSES * Toy.count()), 0.5)) {
          assertThat(update.skipped()).isFalse();
          norm = update.norm();
        }
      }
      float[] values = Arrays.copyOf(parameters.flat().toFloatArray(), (int) parameters.count());
      return new Outcome(values, exchange.share().gradient().toFloatArray(), (int) exchange.share().start(), norm,
          optimizer.bytes());
    }

    @Override
    public void close() {
      optimizer.close();
      parameters.close();
    }
  }

  private static List<Outcome> plain(int ranks, boolean adam) throws Exception {
    List<Outcome> known = PLAIN.get(ranks + " " + adam);
    if (known == null) {
      known = train(ranks, new Setup(0, WHOLE, Precision.FP32, adam));
      PLAIN.put(ranks + " " + adam, known);
    }
    return known;
  }

  private static List<Outcome> train(int ranks, Setup setup) throws Exception {
    return train(ranks, STEPS, setup);
  }

  private static List<Outcome> train(int ranks, int steps, Setup setup) throws Exception {
    return RankThreads.joined(ranks, collective -> {
      try (Rank rank = new Rank(collective, setup)) {
        return rank.steps(0, steps);
      }
    });
  }

  /** {@code params_after_steps} of the fixtures: 99.95 % of all elements within 2e-5, every element within 1e-3. */
  private static void expectWithinOptimizerTolerance(float[] one, float[] two) {
    assertThat(largestDifference(one, two)).isLessThanOrEqualTo(1e-3);
    int far = 0;
    for (int i = 0; i < one.length; i++) {
      far += Math.abs(one[i] - two[i]) > 2e-5f ? 1 : 0;
    }
    assertThat(far / (double) one.length).isLessThan(0.0005);
  }

  private static double largestDifference(float[] one, float[] two) {
    assertThat(one.length).isEqualTo(two.length);
    double largest = 0;
    for (int i = 0; i < one.length; i++) {
      largest = Math.max(largest, Math.abs(one[i] - two[i]));
    }
    return largest;
  }

  private static double largest(float[] values) {
    return largestDifference(values, new float[values.length]);
  }
}
