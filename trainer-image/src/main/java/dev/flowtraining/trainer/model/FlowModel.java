package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.config.ModelConfig;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Functions;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Tensors;
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
 *   try (NDManager m = NDManager.newBaseManager(parameters.device(), "PyTorch")) {
 *     NDArray loss = model.lossSum(batch, draws, dropout, m);
 *     Backward.run(loss);
 *     parameters.gather();                      // adds to parameters.grad()
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
  private final Weights weights;
  private final int melBins;
  private final int speakerChannels;
  private boolean maskLookAhead;
  private Chunks tokenChunks;
  private Chunks frameChunks;

  /** A model that computes in the precision of its parameters. */
  public FlowModel(ModelConfig config, FlowConfig.FlowMatching matching, Parameters parameters) {
    this(config, matching, parameters.weights());
  }

  /** A model that computes with the float32 masters whatever the precision of training; for validation. */
  public static FlowModel ofMasters(ModelConfig config, FlowConfig.FlowMatching matching, Parameters parameters) {
    return new FlowModel(config, matching, parameters.masters());
  }

  private FlowModel(ModelConfig config, FlowConfig.FlowMatching matching, Weights weights) {
    this.weights = weights;
    this.matching = new FlowMatching(matching.sigmaMin());
    melBins = config.outputSize();
    speakerChannels = config.spkEmbedDim();
    tokenTable = weights.get("input_embedding.embedding.weight");
    encoder = new TokenEncoder(config.encoder(), weights);
    projection = Linear.of(weights, "encoder_proj");
    speaker = Linear.of(weights, "spk_embed_affine_layer");
    dit = new DiT(config.estimator(), weights);
  }

  /** Hides padded tokens from the encoder's look-ahead, as in inference; upstream's training lets it see them. */
  public FlowModel maskLookAhead(boolean mask) {
    maskLookAhead = mask;
    return this;
  }

  /** Sets how many tokens a chunk has in passes that are {@link #streaming}; a frame's chunk is as long in time. */
  public FlowModel chunks(int tokens) {
    tokenChunks = new Chunks(weights, tokens);
    frameChunks = new Chunks(weights, 2 * tokens);
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
    return evaluateSum(batch, draws, false);
  }

  /** @param streaming whether attention sees chunks as {@link #chunks} has set them */
  public double evaluateSum(Batch batch, Draws draws, boolean streaming) {
    try (NDManager m = weights.newManager();
        var _ = Backward.recording(false)) {
      Inputs in = inputs(m, batch, draws);
      return lossSum(streaming ? streaming(in, m) : in, new Pass(m, 0, Pass.Trace.NONE)).getFloat();
    }
  }

  /** The inputs with attention that sees its own chunk and those before. */
  Inputs streaming(Inputs in, NDManager manager) {
    int tokens = Math.toIntExact(in.token_BT2().getShape().get(1));
    return in.within(tokenChunks.mask_NN(manager, tokens), frameChunks.mask_NN(manager, 2 * tokens));
  }

  NDArray lossSum(Batch batch, Draws draws, Pass pass) {
    return lossSum(inputs(pass.manager(), batch, draws), pass);
  }

  /** {@link #lossSum(Batch, Draws, double, NDManager)} of inputs that are on the device already. */
  NDArray lossSum(Inputs in, double dropout, Blocks blocks, NDManager manager, Functions functions) {
    try (var _ = Backward.recording(true)) {
      return lossSum(in, new Pass(manager, dropout, Pass.Trace.NONE, blocks, functions));
    }
  }

  /** Makes what a pass over so many tokens looks up, so that the pass itself copies nothing to the device. */
  void reserve(int tokens) {
    encoder.reserve(tokens);
    if (tokenChunks != null) {
      tokenChunks.reserve(tokens);
      frameChunks.reserve(2 * tokens);
    }
  }

  int melBins() {
    return melBins;
  }

  int speakerChannels() {
    return speakerChannels;
  }

  Inputs inputs(NDManager manager, Batch batch, Draws draws) {
    return Inputs.of(manager, batch, draws, matching.sigma(), melBins, weights);
  }

  /** Of a batch that stands for all of its size: with every mask. */
  Inputs.Layout layout(Batch batch, Draws draws) {
    return Inputs.Layout.of(batch, draws, matching.sigma(), melBins, true);
  }

  Inputs inputs(Inputs.Layout layout, NDArray buffer) {
    return layout.of(buffer, weights);
  }

  NDArray lossSum(Inputs in, Pass pass) {
    NDArray prompt_BFM = pass.see("cond", weights.as(in.mel_BFM()).mul(in.prompt_BF1()));
    Conditions conditions = conditions(pass.composed(), in.token_BT2(), in.masks(), in.speaker_BS(), prompt_BFM);
    FlowMatching.Point point =
        matching.between(in.noise_BFM(), in.mel_BFM(), in.t_B11(), in.noiseShare_B11());
    pass.see("y", point.y_BFM());
    pass.see("u", point.velocity_BFM());
    NDArray velocity_BFM = pass.see("pred", velocity(pass, weights.as(point.y_BFM()),
        conditions.keep(in.keep_B11OrNull()), in.wave_BW(), in.masks()));
    pass.see("mask", in.frame_BF1());
    return velocity_BFM.sub(point.velocity_BFM()).mul(in.frame_BF1()).square().sum();
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
    try (NDManager m = weights.newManager();
        var _ = Backward.recording(false)) {
      Pass pass = new Pass(m, 0, Pass.Trace.NONE);
      long[] tokens = Arrays.stream(token_T2).flatMapToLong(p -> LongStream.of(p[0], p[1])).map(id -> Math.max(0, id))
          .toArray();
      float[] unit = Inputs.normalised(speaker, 1);
      Conditions conditions = conditions(pass,
          m.create(LongBuffer.wrap(tokens), new Shape(1, token_T2.length, 2)), Masks.NONE,
          weights.as(m.create(FloatBuffer.wrap(unit), new Shape(1, unit.length))),
          weights.as(m.create(FloatBuffer.wrap(Arrays.copyOf(promptMel_FC, frames * melBins)),
              new Shape(1, frames, melBins))));
      NDArray x = m.create(FloatBuffer.wrap(noise_CF), new Shape(1, melBins, frames)).transpose(0, 2, 1);
      for (FlowMatching.Step step : FlowMatching.eulerSteps(steps)) {
        trace.see("t", m.create(step.t()));
        try (NDManager inner = m.newSubManager()) {
          Pass one = new Pass(inner, 0, Pass.Trace.NONE);
          NDArray velocity = guided(one, Tensors.alias(inner, x), conditions, step.t(), cfgRate, trace);
          x = Operators.scaleInPlace(velocity, step.length()).addi(x);
          x.attach(m);
        }
      }
      return Operators.narrow(x, 1, promptFrames, frames - promptFrames).toFloatArray();
    }
  }

  /** {@code (1+r)·v(conditions) − r·v(no conditions)}, both in one batch. */
  private NDArray guided(
      Pass pass, NDArray x_1FM, Conditions conditions, float t, double rate, Pass.Trace trace) {
    NDManager m = pass.manager();
    NDArray keep = weights.as(m.create(new float[] {1, 0}, new Shape(2, 1, 1)));
    float[] waves = TimeEmbedding.waves(new float[] {t, t});
    NDArray wave_2W = weights.as(m.create(FloatBuffer.wrap(waves), new Shape(2, waves.length / 2)));
    NDArray x = weights.as(x_1FM);
    NDArray both = velocity(
        pass, NDArrays.concat(new NDList(x, x)), conditions.keep(keep), wave_2W, Masks.NONE);
    trace.see("estimator_out", both);
    return Tensors.as(Operators.scale(Operators.narrow(both, 0, 0, 1), 1 + rate)
        .subi(Operators.scale(Operators.narrow(both, 0, 1, 1), rate)), x_1FM);
  }

  /** What the velocity depends on besides y and t: mu (B,F,M), speaker (B,1,M), prompt (B,F,M). */
  private record Conditions(NDArray mu_BFM, NDArray speaker_B1M, NDArray prompt_BFM) {

    Conditions keep(NDArray keep_B11OrNull) {
      return keep_B11OrNull == null ? this : new Conditions(
          keep_B11OrNull.mul(mu_BFM), keep_B11OrNull.mul(speaker_B1M), keep_B11OrNull.mul(prompt_BFM));
    }
  }

  private Conditions conditions(
      Pass pass, NDArray token_BT2, Masks masks, NDArray speaker_BS, NDArray prompt_BFM) {
    NDArray speaker_BM = pass.see("spk", speaker.apply(pass, speaker_BS));
    NDArray embedded_BTC = Operators.embedding(token_BT2, tokenTable)
        .reshape(token_BT2.getShape().get(0), token_BT2.getShape().get(1), -1);
    if (masks.token_BT1() != null) {
      embedded_BTC = embedded_BTC.mul(masks.token_BT1());
    }
    pass.see("token_embedding_masked", embedded_BTC);
    NDArray mu_BFM = pass.see("h", projection.apply(pass, encoder.apply(pass, embedded_BTC, masks, maskLookAhead)));
    return new Conditions(mu_BFM, speaker_BM.expandDims(1), prompt_BFM);
  }

  private NDArray velocity(Pass pass, NDArray y_BFM, Conditions c, NDArray wave_BW, Masks masks) {
    NDArray speaker_BFM = c.speaker_B1M().broadcast(y_BFM.getShape());
    return dit.apply(
        pass, NDArrays.concat(new NDList(y_BFM, c.mu_BFM(), speaker_BFM, c.prompt_BFM()), 2), wave_BW, masks);
  }
}
