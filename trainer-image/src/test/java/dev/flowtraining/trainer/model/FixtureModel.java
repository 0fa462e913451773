package dev.flowtraining.trainer.model;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Torch;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The model and the inputs of a folder of fixtures, {@code tiny} or {@code full}. */
final class FixtureModel implements AutoCloseable {
  final JsonNode config;
  final ModelConfig modelConfig;
  final Parameters parameters;
  final FlowModel model;
  final Map<String, StateDict.Tensor> inputs;

  private FixtureModel(String folder, String configName) {
    config = Fixtures.json(folder + "/" + configName);
    modelConfig = modelConfig(config.get("model"));
    Device device = Torch.start(System.getProperty("fixtures.device", "cpu"), 1);
    parameters = Parameters.create(modelConfig, device);
    model = new FlowModel(
        modelConfig, new FlowConfig.FlowMatching(config.get("sigma_min").asDouble(), 0.2, 0.5, 0.3), parameters);
    inputs = Fixtures.npz(folder + "/inputs.npz");
  }

  static ModelConfig modelConfig(JsonNode node) {
    try {
      return new ObjectMapper().treeToValue(node, ModelConfig.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the fixtures' model config cannot be read", e);
    }
  }

  static FixtureModel tiny() {
    FixtureModel fixture = new FixtureModel("tiny", "config.json");
    fixture.parameters.load(new StateDict(new LinkedHashMap<>(Fixtures.npz("tiny/weights.npz"))), true);
    return fixture;
  }

  static FixtureModel full() {
    return new FixtureModel("full", "expected.json");
  }

  NDManager manager() {
    return NDManager.newBaseManager(parameters.device(), "PyTorch");
  }

  Batch batch() {
    long[] lengths = inputs.get("token_len").longs();
    return new Batch(IntStream.range(0, lengths.length).mapToObj(i -> "utt" + i).toList(),
        inputs.get("token").longs(), ints("token_len"), inputs.get("feat").floats(),
        inputs.get("embedding").floats());
  }

  /** One utterance of the batch alone, without its padding. */
  Batch single(int utterance) {
    int tokens = ints("token_len")[utterance];
    int longest = (int) inputs.get("token").shape()[1];
    int mel = (int) inputs.get("feat").shape()[2];
    int speaker = (int) inputs.get("embedding").shape()[1];
    return new Batch(List.of("utt" + utterance),
        Arrays.copyOfRange(inputs.get("token").longs(), utterance * longest * 2, (utterance * longest + tokens) * 2),
        new int[] {tokens},
        Arrays.copyOfRange(inputs.get("feat").floats(), utterance * longest * 2 * mel,
            (utterance * longest + tokens) * 2 * mel),
        Arrays.copyOfRange(inputs.get("embedding").floats(), utterance * speaker, (utterance + 1) * speaker));
  }

  Draws draws() {
    float[] keep = inputs.get("cfg_keep").floats();
    boolean[] drop = new boolean[keep.length];
    for (int i = 0; i < keep.length; i++) {
      drop[i] = keep[i] == 0;
    }
    return new Draws(inputs.get("t").floats(), inputs.get("z").floats(), ints("prefix_len"), drop);
  }

  int[] ints(String name) {
    return Arrays.stream(inputs.get(name).longs()).mapToInt(Math::toIntExact).toArray();
  }

  /** What divides the sum into upstream's loss. */
  double lossDivisor(Batch batch) {
    return (double) batch.validFrames() * modelConfig.outputSize();
  }

  @Override
  public void close() {
    parameters.close();
  }
}
