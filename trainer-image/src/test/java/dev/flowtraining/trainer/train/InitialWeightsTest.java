package dev.flowtraining.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.SafeTensors;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDict.Tensor;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InitialWeightsTest {
  private static final String PROJECTION = "encoder_proj.bias";
  /** One step of a rate that moves nothing in float32: what is saved is what training began with. */
  private static final String ONE_STEP = """
      train_conf: {max_epoch: 1, accum_grad: 100, scheduler: constantlr, optim_conf: {lr: 1.0e-30}%s}
      """;

  @TempDir Path dir;
  private Parameters released;

  @BeforeEach
  void release() {
    released = Parameters.create(ConfigLoader.preset("tiny").model(), Torch.start("cpu", 1));
    released.initialise(99);
  }

  @AfterEach
  void close() {
    released.close();
  }

  @Test
  void a_released_file_of_either_format_is_what_training_starts_from() throws Exception {
    Path pt = dir.resolve("flow.pt");
    StateDictFile.write(pt, released.stateDict(), StateDictFile.Form.MODULE);
    Path safetensors = dir.resolve("flow.safetensors");
    SafeTensors.write(safetensors, released.stateDict(), Map.of());
    for (Path file : new Path[] {pt, safetensors}) {
      SmallRun run = SmallRun.create(dir.resolve(file.getFileName() + "-run"), 4, 2, ONE_STEP.formatted(""));
      new TrainTask().run(run.startingFrom(file));
      StateDict trained = saved(run);
      released.stateDict().tensors().forEach((name, tensor) ->
          expectUnmoved(name, trained, tensor.floats()));
      assertThat(report(run).get("taken").asInt()).isEqualTo(released.slots().size());
      assertThat(report(run).get("missing")).isEmpty();
    }
  }

  @Test
  void half_precision_is_widened() throws Exception {
    Path file = dir.resolve("half.safetensors");
    SafeTensors.write(file, changed(tensors -> {
      tensors.replaceAll((name, tensor) -> bfloat16(tensor));
      return tensors;
    }), Map.of());
    try (Parameters parameters = Parameters.create(ConfigLoader.preset("tiny").model(), Torch.start("cpu", 1))) {
      InitialWeights.load(file, parameters, ConfigLoader.preset("tiny"));
      float[] exact = released.get("encoder_proj.weight").toFloatArray();
      float[] cut = parameters.get("encoder_proj.weight").toFloatArray();
      for (int i = 0; i < exact.length; i++) {
        assertThat(cut[i]).isEqualTo(Float.intBitsToFloat(Float.floatToIntBits(exact[i]) & 0xffff0000));
      }
    }
  }

  @Test
  void what_does_not_fit_is_refused_with_its_keys_and_the_way_out() throws Exception {
    Path file = misfit();
    SmallRun run = SmallRun.create(dir.resolve("run"), 4, 2, ONE_STEP.formatted(""));
    assertThatThrownBy(() -> new TrainTask().run(run.startingFrom(file))).isInstanceOfSatisfying(StageFailure.class, e -> {
      assertThat(e.exitCode()).isEqualTo(ExitCode.MISSING);
      assertThat(e.reason()).isEqualTo("CheckpointMismatch");
      assertThat(e).hasMessageContaining(file.toString()).hasMessageContaining("missing (1): encoder_proj.bias")
          .hasMessageContaining("unknown (1): decoder.rand_noise")
          .hasMessageContaining("input_embedding.embedding.weight [100, ")
          .hasMessageContaining("model.vocab_size: 100").hasMessageContaining("train_conf.init_strict: false");
    });
  }

  @Test
  void told_not_to_be_strict_it_takes_what_fits_and_reports_the_rest() throws Exception {
    SmallRun run = SmallRun.create(dir.resolve("run"), 4, 2, ONE_STEP.formatted(", init_strict: false"));
    new TrainTask().run(run.startingFrom(misfit()));
    StateDict trained = saved(run);
    String weight = "encoder_proj.weight";
    expectUnmoved(weight, trained, released.get(weight).toFloatArray());
    try (Parameters drawn = Parameters.create(run.flowConfig().model(), Torch.start("cpu", 1))) {
      drawn.initialise(run.flowConfig().trainConf().seed());
      for (String own : new String[] {PROJECTION, "input_embedding.embedding.weight"}) {
        expectUnmoved(own, trained, drawn.get(own).toFloatArray());
      }
    }
    assertThat(report(run).get("missing")).extracting(JsonNode::asText).containsExactly(PROJECTION);
    assertThat(report(run).get("unknown")).extracting(JsonNode::asText).containsExactly("decoder.rand_noise");
    assertThat(report(run).get("otherShape")).hasSize(1);
    assertThat(new RunLayout(run.dir).trainLog()).content().contains("missing (1): encoder_proj.bias");
  }

  @Test
  void a_file_of_something_else_is_refused_even_then() throws Exception {
    Path wrapped = dir.resolve("ddp.pt");
    LinkedHashMap<String, Tensor> renamed = new LinkedHashMap<>();
    released.stateDict().tensors().forEach((name, tensor) -> renamed.put("module." + name, tensor));
    StateDictFile.write(wrapped, new StateDict(renamed));
    SmallRun run = SmallRun.create(dir.resolve("run"), 4, 2, ONE_STEP.formatted(", init_strict: false"));
    assertThatThrownBy(() -> InitialWeights.load(wrapped, released, run.flowConfig()))
        .hasMessageContaining("every key of the checkpoint begins with 'module.'");
  }

  @Test
  void another_speaker_embedding_than_the_file_was_trained_with_is_told() throws Exception {
    Path exported = dir.resolve("flow.safetensors");
    SafeTensors.write(exported, released.stateDict(), Map.of("format", "pt", SafeTensors.SPEAKER_EMBEDDING, "spk"));
    FlowConfig utt = ConfigLoader.preset("tiny");
    assertThat(InitialWeights.load(exported, released, utt).text()).contains("dataset_conf.speaker_embedding: spk");

    SmallRun run = SmallRun.create(dir.resolve("run"), 4, 2, ONE_STEP.formatted("") + "dataset_conf: {speaker_embedding: spk}\n");
    new TrainTask().run(run.alone());
    Path checkpoint = run.dir.resolve("exp/flow_model/attempt-1/epoch_0_whole.pt");
    assertThat(InitialWeights.load(checkpoint, released, utt).otherEmbedding()).isEqualTo("spk");
    assertThat(InitialWeights.load(checkpoint, released, run.flowConfig()).otherEmbedding()).isNull();
  }

  @Test
  void the_fine_tune_preset_is_a_small_constant_rate_on_the_released_model() {
    FlowConfig config = ConfigLoader.preset("fine-tune");
    LearningRate rate = LearningRate.of(config.trainConf());
    for (long step : new long[] {0, 1, 1000, 1_000_000}) {
      assertThat(rate.at(step)).isEqualTo(1e-5);
    }
    assertThat(config.model()).isEqualTo(ConfigLoader.preset("production").model());
    assertThat(config.trainConf().initStrict()).isTrue();
    assertThat(config.trainConf().optim()).isEqualTo("adam");
    assertThat(config.trainConf().gradClip()).isEqualTo(5);
    assertThat(config.trainConf().accumGrad()).isEqualTo(2);
  }

  /** A key less, a key more, and a smaller vocabulary. */
  private Path misfit() throws Exception {
    Path file = dir.resolve("misfit.pt");
    StateDictFile.write(file, changed(tensors -> {
      tensors.put("decoder.rand_noise", tensors.remove(PROJECTION));
      long half = ConfigLoader.preset("tiny").model().inputSize() / 2;
      tensors.put("input_embedding.embedding.weight", Tensor.of(new float[(int) (100 * half)], 100, half));
      return tensors;
    }));
    return file;
  }

  private StateDict changed(UnaryOperator<LinkedHashMap<String, Tensor>> change) {
    return new StateDict(change.apply(released.stateDict().tensors()));
  }

  private static Tensor bfloat16(Tensor tensor) {
    float[] values = tensor.floats();
    ByteBuffer data = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float v : values) {
      data.putShort((short) (Float.floatToIntBits(v) >>> 16));
    }
    return new Tensor(StateDict.DType.BFLOAT16, tensor.shape(), data.flip());
  }

  private static void expectUnmoved(String name, StateDict trained, float[] start) {
    float[] end = trained.tensors().get(name).floats();
    for (int i = 0; i < start.length; i++) {
      assertThat(end[i]).as(name).isCloseTo(start[i], within(1e-29f));
    }
  }

  private static StateDict saved(SmallRun run) {
    return StateDictFile.read(run.dir.resolve("exp/flow_model/attempt-1/epoch_0_whole.pt"));
  }

  private static JsonNode report(SmallRun run) throws Exception {
    return new ObjectMapper().readTree(new RunLayout(run.dir).initialWeights().toFile());
  }
}
