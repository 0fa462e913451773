package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.model.Batch;
import dev.flowtraining.trainer.model.Draws;
import dev.flowtraining.trainer.model.FlowModel;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.model.Passes;
import dev.flowtraining.trainer.torch.Backward;
import java.util.List;
import java.util.Random;

/** The fixtures' tiny model with random batches: real gradients for tests of what comes after them. */
final class Toy {
  static final ModelConfig MODEL = model();
  private static final int TOKENS = 20;

  private Toy() {}

  private static ModelConfig model() {
    try {
      return new ObjectMapper().treeToValue(Fixtures.json("tiny/config.json").get("model"), ModelConfig.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static FlowModel flow(Parameters parameters) {
    return new FlowModel(MODEL, new FlowConfig.FlowMatching(1e-6, 0.2, 0.5, 0.3), parameters);
  }

  /** Bins × frames of one batch. */
  static double count() {
    return 2.0 * TOKENS * MODEL.outputSize();
  }

  /** Adds the gradients of one random batch; equal seeds give equal batches. */
  static double pass(FlowModel model, Parameters parameters, long seed) {
    return pass(model, parameters, seed, 1);
  }

  /** @param scale of the loss */
  static double pass(FlowModel model, Parameters parameters, long seed, double scale) {
    Random random = new Random(seed);
    Batch batch = batch(random);
    Draws draws = draws(random, batch);
    try (NDManager m = NDManager.newBaseManager(parameters.device(), "PyTorch")) {
      NDArray loss = model.lossSum(batch, draws, 0, m);
      Backward.run(loss, m.create((float) scale));
      parameters.gather();
      return loss.getFloat();
    }
  }

  /** Adds the gradients of the batch of {@link #pass(FlowModel, Parameters, long)}. */
  static void pass(Passes passes, long seed) {
    Random random = new Random(seed);
    Batch batch = batch(random);
    passes.run(batch, draws(random, batch), seed);
  }

  private static Batch batch(Random random) {
    long[] tokens = new long[2 * TOKENS];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = random.nextInt(MODEL.vocabSize());
    }
    return new Batch(List.of("u"), tokens, new int[] {TOKENS}, normal(random, 2 * TOKENS * MODEL.outputSize()),
        normal(random, MODEL.spkEmbedDim()));
  }

  private static Draws draws(Random random, Batch batch) {
    return new Draws(new float[] {random.nextFloat()}, normal(random, batch.mel_BFC().length),
        new int[] {5}, new boolean[] {false});
  }

  private static float[] normal(Random random, int size) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
