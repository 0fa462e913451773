package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Operators;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * Tokens, a speaker and a prompt to a mel spectrogram by conditional flow matching.
 *
 * <p>A training step is
 * <pre>{@code
 * parameters.zeroGrad();
 * for (each micro-batch) {
 *   try (NDManager m = NDManager.newBaseManager(parameters.device(), "PyTorch"); Batch batch = …) {
 *     NDArray loss = model.lossSum(batch, draws, dropout, m);
 *     Backward.run(loss);                       // adds to parameters.grad()
 *     sum += loss.getFloat();
 *   }
 * }
 * adam.step(lr, gradScale);                     // gradScale turns the sum into the mean and clips
 * }</pre>
 */
public final class FlowModel {
  private final NDArray tokenTable;
  private final TokenEncoder encoder;
  private final Linear projection;
  private final Linear speaker;
  private final DiT dit;
  private final FlowMatching matching;
  private final Parameters parameters;
  private final int melBins;
  private boolean maskLookAhead;

  public FlowModel(ModelConfig config, FlowConfig.FlowMatching matching, Parameters parameters) {
    this.parameters = parameters;
    this.matching = new FlowMatching(matching.sigmaMin());
    melBins = config.outputSize();
    tokenTable = parameters.get("input_embedding.embedding.weight");
    encoder = new TokenEncoder(config.encoder(), parameters);
    projection = Linear.of(parameters, "encoder_proj");
    speaker = Linear.of(parameters, "spk_embed_affine_layer");
    dit = new DiT(config.estimator(), parameters);
  }

  /** Hides padded tokens from the encoder's look-ahead, as in inference; upstream's training lets it see them. */
  public FlowModel maskLookAhead(boolean mask) {
    maskLookAhead = mask;
    return this;
  }

  /**
   * The sum over valid frames and bins of (predicted − true velocity)². Divided by {@link Batch#validFrames} and the
   * mel bins it is upstream's loss. The graph is recorded up to the result, on which {@link Backward#run} is to be
   * called: operators on it are outside the graph.
   *
   * @param dropout rate of every dropout of the encoder; 0 is off
   * @param manager owns all intermediate arrays and the result; close it after the backward pass
   * @return a scalar
   */
  public NDArray lossSum(Batch batch, Draws draws, double dropout, NDManager manager) {
    try (var _ = Backward.recording(true)) {
      return lossSum(batch, draws, new Pass(manager, dropout, Pass.Trace.NONE));
    }
  }

  /** {@link #lossSum(Batch, Draws, double, NDManager)} for validation: no graph, no dropout. */
  public double evaluateSum(Batch batch, Draws draws) {
    try (NDManager m = NDManager.newBaseManager(parameters.device(), "PyTorch");
        var _ = Backward.recording(false)) {
      return lossSum(batch, draws, new Pass(m, 0, Pass.Trace.NONE)).getFloat();
    }
  }

  NDArray lossSum(Batch batch, Draws draws, Pass pass) {
    NDManager m = pass.manager();
    Padding padding = new Padding(batch.tokenLen(), batch.tokens());
    NDArray mel_BFM = Operators.alias(m, batch.mel_BFC());
    Conditions conditions = conditions(pass, Operators.alias(m, batch.token_BT2()), padding,
        Operators.alias(m, batch.speaker_BS()), mel_BFM.mul(prompts(m, draws.promptFrames(), batch.tokens() * 2)));
    pass.see("cond", conditions.prompt_BFM());

    NDArray noise_BFM = m.create(FloatBuffer.wrap(draws.z()), new Shape(batch.size(), melBins, 2L * batch.tokens()))
        .transpose(0, 2, 1);
    FlowMatching.Point point = matching.between(noise_BFM, mel_BFM, draws.t());
    pass.see("y", point.y_BFM());
    pass.see("u", point.velocity_BFM());
    NDArray velocity_BFM = pass.see("pred", velocity(pass, point.y_BFM(),
        conditions.keep(kept(m, draws.dropConditions())), draws.t(), padding));
    NDArray mask_BF1 = pass.see("mask", padding.valid_BT1(m, 2));
    return velocity_BFM.sub(point.velocity_BFM()).mul(mask_BF1).square().sum();
  }

  /**
   * Solves the flow from noise to mel with Euler steps and classifier-free guidance. Records no graph.
   *
   * @param token_T2 ids of the prompt's tokens and of the target's
   * @param speaker embedding, of any length
   * @param promptMel_FC the prompt's frames, two per token; may be empty
   * @param noise_CF start of the flow, M × F for prompt and target
   * @param cfgRate strength of the guidance; 0 is none
   * @return frames after the prompt, row-major (frames, M)
   */
  public float[] sample(
      int[][] token_T2, float[] speaker, float[] promptMel_FC, float[] noise_CF, int steps, double cfgRate) {
    return sample(token_T2, speaker, promptMel_FC, noise_CF, steps, cfgRate, Pass.Trace.NONE);
  }

  float[] sample(int[][] token_T2, float[] speaker, float[] promptMel_FC, float[] noise_CF, int steps,
      double cfgRate, Pass.Trace trace) {
    int frames = 2 * token_T2.length;
    int promptFrames = promptMel_FC.length / melBins;
    if (noise_CF.length != frames * melBins || promptFrames > frames) {
      throw new IllegalArgumentException(token_T2.length + " tokens need noise of " + frames * melBins
          + " values, not " + noise_CF.length + ", and a prompt of at most " + frames + " frames");
    }
    try (NDManager m = NDManager.newBaseManager(parameters.device(), "PyTorch");
        var _ = Backward.recording(false)) {
      Pass pass = new Pass(m, 0, Pass.Trace.NONE);
      Padding padding = new Padding(new int[] {token_T2.length}, token_T2.length);
      float[] prompt = Arrays.copyOf(promptMel_FC, frames * melBins);
      long[] tokens = Arrays.stream(token_T2).flatMapToLong(p -> LongStream.of(p[0], p[1]))
          .toArray();
      Conditions conditions = conditions(pass,
          m.create(LongBuffer.wrap(tokens), new Shape(1, token_T2.length, 2)), padding,
          m.create(FloatBuffer.wrap(speaker), new Shape(1, speaker.length)),
          m.create(FloatBuffer.wrap(prompt), new Shape(1, frames, melBins)));
      NDArray x = m.create(FloatBuffer.wrap(noise_CF), new Shape(1, melBins, frames)).transpose(0, 2, 1);
      for (FlowMatching.Step step : FlowMatching.eulerSteps(steps)) {
        trace.see("t", m.create(step.t()));
        try (NDManager inner = m.newSubManager()) {
          Pass one = new Pass(inner, 0, Pass.Trace.NONE);
          NDArray velocity = guided(one, Operators.alias(inner, x), conditions, step.t(), cfgRate, padding, trace);
          x = velocity.muli(step.length()).addi(x);
          x.attach(m);
        }
      }
      return Operators.narrow(x, 1, promptFrames, frames - promptFrames).toFloatArray();
    }
  }

  /** {@code (1+r)·v(conditions) − r·v(no conditions)}, both in one batch. */
  private NDArray guided(Pass pass, NDArray x_1FM, Conditions conditions, float t, double rate, Padding padding,
      Pass.Trace trace) {
    int n = padding.lengths()[0];
    NDArray keep = pass.manager().create(new float[] {1, 0}, new Shape(2, 1, 1));
    NDArray both = velocity(pass, NDArrays.concat(new NDList(x_1FM, x_1FM)), conditions.keep(keep),
        new float[] {t, t}, new Padding(new int[] {n, n}, n));
    trace.see("estimator_out", both);
    return Operators.narrow(both, 0, 0, 1).mul((float) (1 + rate))
        .subi(Operators.narrow(both, 0, 1, 1).mul((float) rate));
  }

  /** What the velocity depends on besides y and t: mu (B,F,M), speaker (B,1,M), prompt (B,F,M). */
  private record Conditions(NDArray mu_BFM, NDArray speaker_B1M, NDArray prompt_BFM) {

    Conditions keep(NDArray keep_B11OrNull) {
      return keep_B11OrNull == null ? this : new Conditions(
          keep_B11OrNull.mul(mu_BFM), keep_B11OrNull.mul(speaker_B1M), keep_B11OrNull.mul(prompt_BFM));
    }
  }

  private Conditions conditions(
      Pass pass, NDArray token_BT2, Padding padding, NDArray speaker_BS, NDArray prompt_BFM) {
    NDManager m = pass.manager();
    NDArray speaker_BM = pass.see("spk", speaker.apply(
        speaker_BS.div(speaker_BS.norm(new int[] {1}, true).maximum(1e-12f))));
    NDArray embedded_BTC = Operators.embedding(token_BT2.maximum(0), tokenTable)
        .reshape(token_BT2.getShape().get(0), token_BT2.getShape().get(1), -1);
    if (padding.any()) {
      embedded_BTC = embedded_BTC.mul(padding.valid_BT1(m, 1));
    }
    pass.see("token_embedding_masked", embedded_BTC);
    NDArray mu_BFM = pass.see("h", projection.apply(encoder.apply(pass, embedded_BTC, padding, maskLookAhead)));
    return new Conditions(mu_BFM, speaker_BM.expandDims(1), prompt_BFM);
  }

  private NDArray velocity(Pass pass, NDArray y_BFM, Conditions c, float[] t, Padding padding) {
    NDArray speaker_BFM = c.speaker_B1M().broadcast(y_BFM.getShape());
    return dit.apply(pass, NDArrays.concat(new NDList(y_BFM, c.mu_BFM(), speaker_BFM, c.prompt_BFM()), 2), t, padding);
  }

  /** 1 for the first frames of each utterance. */
  private static NDArray prompts(NDManager manager, int[] promptFrames, int frames) {
    float[] values = new float[promptFrames.length * frames];
    for (int i = 0; i < promptFrames.length; i++) {
      Arrays.fill(values, i * frames, i * frames + promptFrames[i], 1);
    }
    return manager.create(FloatBuffer.wrap(values), new Shape(promptFrames.length, frames, 1));
  }

  private static NDArray kept(NDManager manager, boolean[] drop) {
    float[] values = new float[drop.length];
    boolean any = false;
    for (int i = 0; i < drop.length; i++) {
      values[i] = drop[i] ? 0 : 1;
      any |= drop[i];
    }
    return any ? manager.create(FloatBuffer.wrap(values), new Shape(drop.length, 1, 1)) : null;
  }
}
