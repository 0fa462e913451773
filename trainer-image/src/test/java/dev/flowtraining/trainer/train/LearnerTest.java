package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.flowtraining.trainer.collective.Alone;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Frozen;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Precision;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Torch;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the settings of the optimizer do to parameters. */
class LearnerTest {
  private static final int STEPS = 4;
  private static final double LR = 1e-2;
  private static final String WEIGHT = "encoder_proj.weight";

  @TempDir Path dir;

  /** One rank's training of the toy. */
  private record Toys(Parameters parameters, Learner learner, FlowModel model) implements AutoCloseable {

    static Toys of(Engine engine, Collective collective, Precision precision) {
      Parameters parameters = Parameters.create(Toy.MODEL, Torch.start("cpu", 1), precision,
          engine.layout(precision, collective.worldSize()));
      parameters.initialise(7);
      return new Toys(parameters, Learner.of(engine, parameters, collective), Toy.flow(parameters));
    }

    void step(int step) {
      parameters.zeroGrad();
      if (learner.exchange().share().rank() == 0) {
        Toy.pass(model, parameters, step);
      }
      learner.exchange().passDone();
      Update.apply(learner.exchange(), learner.optimizer(), LR, 1 / Toy.count(), 5).close();
    }

    Map<String, float[]> weights() {
      return values(parameters.stateDict());
    }

    Map<String, float[]> average() {
      try (Arena arena = Arena.ofConfined()) {
        return values(learner.average(arena).orElseThrow());
      }
    }

    @Override
    public void close() {
      learner.close();
      parameters.close();
    }
  }

  private static Map<String, float[]> values(StateDict state) {
    Map<String, float[]> values = new LinkedHashMap<>();
    state.tensors().forEach((name, tensor) -> values.put(name, tensor.floats()));
    return values;
  }

  private Engine engine(String train, int zero) throws IOException {
    Path file = Files.writeString(dir.resolve("own.yaml"), "preset: tiny\ntrain_conf: {" + train + "}\n");
    FlowConfig config = ConfigLoader.load(null, file);
    return new Engine(new FlowConfig(Toy.MODEL, config.cfm(), config.prepareConf(), config.tokenizerConf(),
        config.datasetConf(), config.trainConf(), config.probeConf()), zero, new Zero.Sizes(50_000, 50_000), LossScale.Rules.TORCH, Optional.empty());
  }

  private Map<String, float[]> trained(String train) throws IOException {
    try (Toys toys = Toys.of(engine(train, 0), new Alone(), Precision.FP32)) {
      for (int step = 0; step < STEPS; step++) {
        toys.step(step);
      }
      return toys.weights();
    }
  }

  @Test
  void each_number_of_the_optimizer_counts() throws IOException {
    float[] adam = trained("optim: adam").get(WEIGHT);
    assertThat(trained("optim: adamw").get(WEIGHT)).as("without decay they are one").isEqualTo(adam);
    float[] l2 = trained("optim: adam, optim_conf: {weight_decay: 0.1}").get(WEIGHT);
    float[] decoupled = trained("optim: adamw, optim_conf: {weight_decay: 0.1}").get(WEIGHT);
    float[] beta1 = trained("optim_conf: {betas: [0.5, 0.999]}").get(WEIGHT);
    float[] beta2 = trained("optim_conf: {betas: [0.9, 0.9]}").get(WEIGHT);
    float[] eps = trained("optim_conf: {eps: 1.0e-2}").get(WEIGHT);
    List<float[]> all = List.of(adam, l2, decoupled, beta1, beta2, eps);
    for (int i = 0; i < all.size(); i++) {
      for (int j = 0; j < i; j++) {
        assertThat(distance(all.get(i), all.get(j))).as("%d and %d", i, j).isGreaterThan(1e-5);
      }
    }
  }

  @Test
  void frozen_parameters_stay_and_have_no_state() throws IOException {
    List<String> patterns = List.of("encoder", "decoder.estimator.blocks.*.attn.*");
    Set<String> frozen = Frozen.names(Toy.MODEL, patterns);
    assertThat(frozen).contains("encoder.after_norm.weight", "decoder.estimator.blocks.1.attn.to_q.weight")
        .doesNotContain(WEIGHT, "decoder.estimator.blocks.1.mlp.fc1.weight");
    Map<String, float[]> before;
    Map<String, float[]> after;
    String settings = "optim: adamw, optim_conf: {weight_decay: 0.1}, ";
    try (Toys toys = Toys.of(engine(settings + "freeze: [encoder, decoder.estimator.blocks.*.attn.*]", 0), new Alone(),
        Precision.FP32)) {
      before = toys.weights();
      for (int step = 0; step < STEPS; step++) {
        toys.step(step);
      }
      after = toys.weights();
      try (Arena arena = Arena.ofConfined()) {
        Set<String> state = toys.learner.state(arena).tensors().keySet();
        assertThat(state).contains("exp_avg." + WEIGHT).doesNotContain("exp_avg.encoder.after_norm.weight");
        assertThat(toys.learner.optimizer().bytes()).isLessThan(8 * toys.parameters.count());
      }
    }
    before.forEach((name, values) -> {
      if (frozen.contains(name)) {
        assertThat(after.get(name)).as(name).isEqualTo(values);
      } else {
        assertThat(distance(after.get(name), values)).as(name).isPositive();
      }
    });
    try (Toys all = Toys.of(engine(settings + "log_interval: 1", 0), new Alone(), Precision.FP32)) {
      assertThat(List.copyOf(all.weights().keySet())).as("names in the model's order").isEqualTo(List.copyOf(before.keySet()));
      assertThat(all.weights().get(WEIGHT)).as("the same start").isEqualTo(before.get(WEIGHT));
    }
  }

  @Test
  void the_average_follows_the_weights_and_does_not_move_them() throws IOException {
    Map<String, float[]> plain = trained("optim: adam");
    try (Toys toys = Toys.of(engine("ema_decay: 0.3", 0), new Alone(), Precision.FP32)) {
      float[] expected = toys.weights().get(WEIGHT);
      assertThat(toys.average().get(WEIGHT)).isEqualTo(expected);
      for (int step = 0; step < STEPS; step++) {
        toys.step(step);
        float[] now = toys.weights().get(WEIGHT);
        double decay = Math.min(0.3, (1.0 + step) / (10.0 + step));
        for (int i = 0; i < now.length; i++) {
          expected[i] = (float) (decay * expected[i] + (1 - decay) * now[i]);
        }
        float[] average = toys.average().get(WEIGHT);
        assertThat(distance(average, expected)).isLessThan(1e-6);
      }
      assertThat(toys.weights().get(WEIGHT)).isEqualTo(plain.get(WEIGHT));
      assertThat(List.copyOf(toys.average().keySet())).isEqualTo(List.copyOf(plain.keySet()));
    }
  }

  @Test
  void ranks_average_their_parts_and_any_number_of_them_takes_it_up() throws Exception {
    Engine zero = engine("ema_decay: 0.9, freeze: [input_embedding]", 2);
    Map<String, float[]> whole;
    try (Toys toys = Toys.of(engine("ema_decay: 0.9, freeze: [input_embedding]", 0), new Alone(), Precision.FP32)) {
      for (int step = 0; step < STEPS; step++) {
        toys.step(step);
      }
      whole = toys.average();
    }
    StateDict[] saved = new StateDict[3];
    RankThreads.joined(2, collective -> {
      try (Toys toys = Toys.of(zero, collective, Precision.FP32)) {
        toys.step(0);
        toys.step(1);
        StateDict state = toys.learner.state(Arena.ofAuto());
        StateDict average = toys.learner.average(Arena.ofAuto()).orElseThrow();
        if (collective.rank() == 0) {
          saved[0] = copy(toys.parameters.stateDict());
          saved[1] = copy(state);
          saved[2] = copy(average);
        }
      }
      return null;
    });
    Map<String, float[]> resumed = RankThreads.joined(3, collective -> {
      try (Toys toys = Toys.of(zero, collective, Precision.FP32)) {
        toys.parameters.load(saved[0], true);
        toys.learner.load(saved[1]);
        toys.learner.optimizer().loadAverage(saved[2]);
        for (int step = 2; step < STEPS; step++) {
          toys.step(step);
        }
        return toys.average();
      }
    }).getFirst();
    whole.forEach((name, values) -> assertThat(distance(resumed.get(name), values)).as(name).isLessThan(1e-5));
  }

  private static StateDict copy(StateDict state) {
    LinkedHashMap<String, StateDict.Tensor> tensors = new LinkedHashMap<>();
    state.tensors().forEach((name, tensor) -> tensors.put(name, StateDict.Tensor.of(tensor.floats(), tensor.shape())));
    return new StateDict(tensors, state.integers());
  }

  /** float16 on the CPU: gradients of a scaled loss are those of float32 to within the 11 bits of its fraction. */
  @Test
  void in_float16_a_scaled_loss_gives_the_gradients_and_one_too_high_is_seen() throws IOException {
    Engine engine = engine("optim: adam", 0);
    double norm;
    try (Toys toys = Toys.of(engine, new Alone(), Precision.FP32)) {
      Toy.pass(toys.model, toys.parameters, 1);
      norm = GradientNorm.l2(toys.parameters);
    }
    try (Toys toys = Toys.of(engine, new Alone(), Precision.FP16)) {
      assertThat(toys.learner.lossScale()).isPresent();
      toys.parameters.zeroGrad();
      double seed = 1 / 16.0;
      Toy.pass(toys.model, toys.parameters, 1, seed);
      assertThat(GradientNorm.l2(toys.parameters) / seed).isCloseTo(norm, within(0.01 * norm));
      toys.parameters.zeroGrad();
      Toy.pass(toys.model, toys.parameters, 1, 1e7);
      try (Update update = Update.apply(toys.learner.exchange(), toys.learner.optimizer(), LR, 1e-7, 5)) {
        assertThat(update.skipped()).isTrue();
      }
      assertThat(toys.learner.optimizer().steps()).isZero();
    }
  }

  private static double distance(float[] one, float[] two) {
    double largest = 0;
    for (int i = 0; i < one.length; i++) {
      largest = Math.max(largest, Math.abs(one[i] - two[i]));
    }
    return largest;
  }
}
