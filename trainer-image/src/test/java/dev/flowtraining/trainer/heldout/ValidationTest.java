package dev.flowtraining.trainer.heldout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.batch.Key;
import dev.flowtraining.trainer.batch.KeyedDraws;
import dev.flowtraining.trainer.collective.Alone;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.collective.FreePort;
import dev.flowtraining.trainer.collective.Rendezvous;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.EpochPlan;
import dev.flowtraining.trainer.data.Example;
import dev.flowtraining.trainer.data.Examples;
import dev.flowtraining.trainer.data.PaddedBatch;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.model.Draws;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Torch;
import dev.flowtraining.trainer.train.SmallRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ValidationTest {
  @TempDir Path dir;
  private SmallRun run;
  private FlowConfig config;
  private ParquetExamples dev;

  @BeforeEach
  void data() throws Exception {
    run = SmallRun.create(dir, 3, 7, "dataset_conf: {max_frames_in_batch: 150}\n");
    config = run.flowConfig();
    dev = new ParquetExamples(new RunLayout(dir), "dev", config);
  }

  @Test
  void an_untrained_model_predicts_zero_and_shuffling_its_tokens_changes_nothing() {
    Device device = Torch.start("cpu", 1);
    try (Parameters parameters = Parameters.create(config.model(), device)) {
      parameters.initialise(1);
      FlowModel model = new FlowModel(config.model(), config.cfm(), parameters);
      Validation validation = new Validation(model, dev, config, new Alone(), () -> false);
      // the output layer starts at zero, so the loss is the mean square of the velocities
      double meanSquare = 0;
      long frames = 0;
      for (int i = 0; i < dev.frames().length; i++) {
        float[] u = velocities(dev.load(i).orElseThrow());
        for (float v : u) {
          meanSquare += v * v;
        }
        frames += u.length / 80;
      }
      meanSquare /= 80.0 * frames;
      assertThat(validation.loss()).isCloseTo(meanSquare, within(1e-4 * meanSquare)).isEqualTo(validation.loss());
      assertThat(validation.shuffledLoss()).isEqualTo(validation.loss());
      assertThat(validation.constantLoss()).isCloseTo(best(), within(1e-6 * meanSquare)).isLessThan(meanSquare);
    }
  }

  /** Zeros that the model starts with would hide which tokens it was given. */
  @Test
  void shuffling_gives_every_utterance_the_tokens_of_the_next_one() {
    Device device = Torch.start("cpu", 1);
    try (Parameters parameters = Parameters.create(config.model(), device)) {
      parameters.load(random(parameters), true);
      FlowModel model = new FlowModel(config.model(), config.cfm(), parameters);
      Validation validation = new Validation(model, dev, config, new Alone(), () -> false);
      double shuffled = new Validation(model, withTokensOfTheNext(), config, new Alone(), () -> false).loss();
      assertThat(shuffled).isNotEqualTo(validation.loss());
      assertThat(validation.shuffledLoss()).isEqualTo(shuffled);
    }
  }

  /** Nothing of a run but its weights: neither its seed, nor its epoch, nor how its batches are made. */
  @Test
  void two_losses_differ_by_their_weights_alone() throws Exception {
    try (Parameters parameters = Parameters.create(config.model(), Torch.start("cpu", 1))) {
      parameters.load(random(parameters), true);
      double loss = validation(config, dev, new Alone(), parameters).loss();
      Files.writeString(run.config(), """
          preset: tiny
          dataset_conf: {max_frames_in_batch: 150, shuffle_size: 2, sort_size: 3, num_workers: 3}
          train_conf: {seed: 7, accum_grad: 3, dropout: 0.4, scheduler: constantlr, optim_conf: {lr: 0.5}}
          """);
      FlowConfig other = run.flowConfig();
      try (Parameters copy = Parameters.create(other.model(), Torch.start("cpu", 1))) {
        copy.load(parameters.stateDict(), true);
        Torch.seed(123);
        assertThat(validation(other, dev, new Alone(), copy).loss()).isEqualTo(loss);
        StateDict moved = random(copy);
        float[] bias = moved.tensors().get("encoder_proj.bias").floats();
        bias[0] += 0.01f;
        moved.tensors().put("encoder_proj.bias", StateDict.Tensor.of(bias, bias.length));
        copy.load(moved, true);
        assertThat(validation(other, dev, new Alone(), copy).loss()).isNotEqualTo(loss);
      }
    }
  }

  @Test
  void which_utterances_meet_in_a_batch_changes_the_rounding_only() throws Exception {
    try (Parameters parameters = Parameters.create(config.model(), Torch.start("cpu", 1))) {
      parameters.load(random(parameters), true);
      double some = validation(config, dev, new Alone(), parameters).loss();
      for (int frames : new int[] {1, 100_000}) { // every utterance alone, and all in one batch
        Files.writeString(run.config(), "preset: tiny\ndataset_conf: {max_frames_in_batch: " + Math.max(6, frames) + "}\n");
        assertThat(validation(run.flowConfig(), dev, new Alone(), parameters).loss()).isCloseTo(some, within(1e-5 * some));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void the_number_of_ranks_changes_nothing(int ranks) throws Exception {
    try (Parameters parameters = Parameters.create(config.model(), Torch.start("cpu", 1))) {
      parameters.load(random(parameters), true);
      double alone = validation(config, dev, new Alone(), parameters).loss();
      int port = FreePort.find();
      try (ExecutorService pool = Executors.newFixedThreadPool(ranks)) {
        List<Future<Double>> losses = IntStream.range(0, ranks).mapToObj(rank -> pool.submit(() -> {
          Ranks mine = new Ranks(rank, rank, ranks, "127.0.0.1", port, 1, "test");
          Duration soon = Duration.ofSeconds(30);
          try (Collective collective = Rendezvous.join(mine, "plan", soon, soon)) {
            return validation(config, dev, collective, parameters).loss();
          }
        })).toList();
        for (Future<Double> loss : losses) {
          assertThat(loss.get()).isEqualTo(alone);
        }
      }
    }
  }

  private static Validation validation(FlowConfig config, Examples dev, Collective collective, Parameters parameters) {
    return new Validation(Validation.model(config, parameters), dev, config, collective, () -> false);
  }

  private static StateDict random(Parameters parameters) {
    Random random = new Random(1);
    LinkedHashMap<String, StateDict.Tensor> tensors = new LinkedHashMap<>();
    parameters.slots().forEach(slot -> {
      float[] values = new float[(int) slot.spec().elements()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (0.1 * random.nextGaussian());
      }
      tensors.put(slot.spec().name(), StateDict.Tensor.of(values, slot.spec().shape()));
    });
    return new StateDict(tensors);
  }

  private Examples withTokensOfTheNext() {
    List<Integer> order = EpochPlan.validation(dev.frames(), 150).stream().flatMapToInt(Arrays::stream).boxed().toList();
    return new Examples() {
      @Override
      public int[] frames() {
        return dev.frames();
      }

      @Override
      public List<int[]> rowGroups() {
        return dev.rowGroups();
      }

      @Override
      public Optional<Example> load(int index) {
        Example own = dev.load(index).orElseThrow();
        int[] other = dev.load(order.get((order.indexOf(index) + 1) % order.size())).orElseThrow().token_2T();
        int[] tokens = new int[own.token_2T().length];
        Arrays.setAll(tokens, i -> other[i % other.length]);
        return Optional.of(new Example(own.utt(), tokens, own.mel_FC(), own.speaker()));
      }

      @Override
      public Map<String, String> dropped() {
        return dev.dropped();
      }
    };
  }

  /** By definition: the mean velocity of each bin, and the squares that remain. */
  private double best() {
    List<float[]> all = IntStream.range(0, dev.frames().length)
        .mapToObj(i -> velocities(dev.load(i).orElseThrow())).toList();
    double error = 0;
    for (int c = 0; c < 80; c++) {
      int bin = c;
      double[] us = all.stream().flatMapToDouble(u -> IntStream.range(0, u.length / 80).mapToDouble(f -> u[f * 80 + bin]))
          .toArray();
      double mean = Arrays.stream(us).average().orElseThrow();
      error += Arrays.stream(us).map(u -> (u - mean) * (u - mean)).average().orElseThrow() / 80;
    }
    return error;
  }

  private float[] velocities(Example example) {
    Draws draws = KeyedDraws.of(PaddedBatch.of(List.of(example)), config.cfm(), Key.of(20_240_501));
    float[] u = example.mel_FC().clone();
    for (int f = 0; f < example.frames(); f++) {
      for (int c = 0; c < 80; c++) {
        u[f * 80 + c] -= draws.z()[c * example.frames() + f];
      }
    }
    return u;
  }

  @Test
  void lengths_are_computed_when_nobody_has_written_them() throws Exception {
    Files.delete(new RunLayout(dir).parquet("dev").resolve("utt2num_frames"));
    ParquetExamples decoded = new ParquetExamples(new RunLayout(dir), "dev", config);
    assertThat(decoded.frames()).isEqualTo(dev.frames());
    assertThat(decoded.rowGroups()).hasSameSizeAs(dev.rowGroups());
    for (int i = 0; i < dev.frames().length; i++) {
      assertThat(dev.load(i).orElseThrow().frames()).isEqualTo(dev.frames()[i]);
    }
  }
}
