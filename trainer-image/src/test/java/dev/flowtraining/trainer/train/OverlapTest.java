package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.flowtraining.trainer.collective.Alone;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.model.Frozen;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Passes;
import dev.flowtraining.trainer.model.Pieces;
import dev.flowtraining.trainer.torch.FusedKernels;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gradients that are exchanged while the backward pass goes on. */
class OverlapTest {
  private static final Zero.Sizes SIZES = new Zero.Sizes(30_000, 50_000);
  private static final int PASSES = 4;

  /** Before ranks that are threads come, each of which would be the first. */
  @BeforeAll
  static void start() {
    Torch.start("cpu", 1);
  }

  private static Engine engine(int zero) {
    return new Engine(ConfigLoader.preset("tiny"), zero, SIZES, LossScale.Rules.TORCH, Optional.empty());
  }

  private static Parameters parameters(int zero, Precision precision, int ranks) {
    Parameters parameters =
        Parameters.create(Toy.MODEL, Torch.start("cpu", 1), precision, engine(zero).layout(precision, ranks));
    parameters.initialise(7);
    return parameters;
  }

  private static Passes passes(Parameters parameters, Exchange exchange) {
    return Passes.of(Toy.flow(parameters), parameters, 0, 2000, FusedKernels.formulas())
        .tell(exchange.pieces(), exchange::gradientsFinal);
  }

  /** Hears what is given away of some memory. */
  private static final class Listener implements Collective {
    private final MemorySegment memory;
    final List<Heard> heard = new ArrayList<>();
    private final Alone alone = new Alone();

    private record Heard(long start, float[] values) {}

    Listener(MemorySegment memory) {
      this.memory = memory;
    }

    @Override
    public int rank() {
      return 0;
    }

    @Override
    public int worldSize() {
      return 2;
    }

    @Override
    public void allReduce(MemorySegment floats) {
      heard.add(new Heard(
          (floats.address() - memory.address()) / Float.BYTES, floats.toArray(ValueLayout.JAVA_FLOAT)));
    }

    @Override
    public void reduceScatter(MemorySegment floats, MemorySegment part) {
      throw new AssertionError("not piece by piece");
    }

    @Override
    public void allGather(MemorySegment part, MemorySegment floats) {}

    @Override
    public double[] allReduce(double... values) {
      return values;
    }

    @Override
    public void broadcast(MemorySegment bytes, int root) {}

    @Override
    public void barrier() {}

    @Override
    public void checkPeers() {}

    @Override
    public void whenPeerLost(Runnable action) {
      alone.whenPeerLost(action);
    }

    @Override
    public void close() {}

    @Override
    public void abort(String reason) {}
  }

  @ParameterizedTest
  @CsvSource({"0,FP32", "0,BF16", "1,FP32", "1,BF16", "2,FP32"})
  void each_gradient_is_given_away_once_when_it_is_final(int zero, Precision precision) {
    try (Parameters parameters = parameters(zero, precision, 2)) {
      Listener listener = new Listener(parameters.gradData());
      Pieces pieces = Pieces.of(parameters);
      assertThat(pieces.count()).isEqualTo(3);
      try (Exchange exchange = engine(zero).exchange(parameters, listener, pieces);
          Passes passes = passes(parameters, exchange)) {
        passes.begin();
        exchange.passBegins(false);
        Toy.pass(passes, 1);
        exchange.passDone();
        assertThat(listener.heard).as("more is added to them").isEmpty();
        exchange.passBegins(true);
        Toy.pass(passes, 2);
        exchange.passDone();
        int beside = listener.heard.size();
        exchange.sumGradients();
        assertThat(listener.heard).as("nothing is left for the end").hasSize(beside);
        float[] whole = parameters.grad().toFloatArray();
        boolean[] given = new boolean[whole.length];
        for (Listener.Heard heard : listener.heard) {
          for (int i = 0; i < heard.values.length; i++) {
            int at = (int) heard.start + i;
            assertThat(given[at]).as("given twice").isFalse();
            given[at] = true;
            assertThat(heard.values[i]).isEqualTo(whole[at]);
          }
        }
        assertThat(given).doesNotContain(false);
      }
    }
  }

  /** One of three ranks has two passes, the others have one and wait. */
  @ParameterizedTest
  @CsvSource({"0,FP32", "1,FP32", "2,FP32", "0,BF16", "2,BF16"})
  void ranks_come_to_the_same_parameters_as_without(int zero, Precision precision) throws Exception {
    List<float[]> beside = train(zero, precision, true);
    List<float[]> after = train(zero, precision, false);
    for (float[] one : beside) {
      assertThat(one).isEqualTo(beside.getFirst());
      for (int i = 0; i < one.length; i++) {
        assertThat(one[i]).isCloseTo(after.getFirst()[i], within(1e-6f));
      }
    }
  }

  private static List<float[]> train(int zero, Precision precision, boolean beside) throws Exception {
    return RankThreads.joined(3, collective -> {
      try (Parameters parameters = parameters(zero, precision, 3);
          Exchange exchange = engine(zero).exchange(
              parameters, collective, beside ? Pieces.of(parameters) : Pieces.whole(parameters));
          Optimizer sgd = new Sgd(exchange.share());
          Passes passes = passes(parameters, exchange)) {
        for (int step = 0; step < 3; step++) {
          passes.begin();
          for (int j = 0; j < 2; j++) {
            int pass = 3 * j + collective.rank();
            exchange.passBegins(j == 1);
            if (pass < PASSES) {
              Toy.pass(passes, 100L * step + pass);
            }
            exchange.passDone();
          }
          Update.apply(exchange, sgd, 1e-3, 1 / (PASSES * Toy.count()), 0.5).close();
        }
        return parameters.flat().toFloatArray();
      }
    });
  }

  /** The backward pass ends where nothing before is trained. */
  @Test
  void what_is_frozen_ends_the_pass() {
    List<String> frozen = List.of("input_embedding", "spk_embed_affine_layer", "encoder", "encoder_proj");
    Parameters.Layout layout = new Parameters.Layout(Frozen.names(Toy.MODEL, frozen), 1, false);
    try (Parameters parameters = Parameters.create(Toy.MODEL, Torch.start("cpu", 1), Precision.FP32, layout)) {
      parameters.initialise(7);
      Toy.pass(Toy.flow(parameters), parameters, 3);
      float[] expected = parameters.grad().toFloatArray();
      try (Exchange exchange = new Replicated(parameters, new Alone(), Pieces.of(parameters));
          Passes passes = passes(parameters, exchange)) {
        passes.begin();
        Toy.pass(passes, 3);
        float[] actual = parameters.grad().toFloatArray();
        for (int i = 0; i < expected.length; i++) {
          assertThat(actual[i]).isCloseTo(expected[i], within(1e-3f * Math.max(1, Math.abs(expected[i]))));
        }
      }
    }
  }
}
