package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.flowtraining.trainer.torch.Autograd;
import dev.flowtraining.trainer.torch.Backward;
import dev.flowtraining.trainer.torch.Cuda;
import dev.flowtraining.trainer.torch.CudaGraph;
import dev.flowtraining.trainer.torch.Functions;
import dev.flowtraining.trainer.torch.FusedKernels;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Tensors;
import dev.flowtraining.trainer.torch.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The forward and backward passes of training: each adds its loss to {@link #lossSum} and its gradients to the
 * parameters'. With graphs, batches are filled up to few sizes, and each size is recorded when it comes first and
 * replayed from then on.
 */
public final class Passes implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Passes.class);
  /** Recordings that are kept; each holds a few thousand kernels. */
  private static final int MOST_GRAPHS = 128;

  private final FlowModel model;
  private final Parameters parameters;
  private final double dropout;
  private final NDManager manager;
  private final NDArray lossSum;
  /** What a backward pass starts with. */
  private final NDArray seed;
  private double lossScale = 1;
  private final int framesPerBatch;
  private final boolean recompute;
  private final CudaGraph.Pool pool;
  private final Optional<FusedKernels> kernels;
  private NDArray inputs;
  private final Map<Kind, Recorded> graphs = new LinkedHashMap<>();

  private record Kind(Filling filling, boolean streaming) {}

  private Pieces pieces;
  private IntConsumer whenFinal = count -> {};

  private record Recorded(NDArray buffer, List<Segment> segments) {}

  /** @param pieces whose gradients are final after it */
  private record Segment(CudaGraph graph, int pieces) {}

  private Passes(FlowModel model, Parameters parameters, double dropout, int framesPerBatch, boolean graphs,
      boolean recompute, Optional<FusedKernels> kernels) {
    this.model = model;
    this.parameters = parameters;
    this.dropout = dropout;
    this.framesPerBatch = framesPerBatch;
    this.recompute = recompute;
    this.kernels = kernels;
    manager = NDManager.newBaseManager(parameters.device(), "PyTorch");
    lossSum = manager.zeros(new Shape());
    seed = manager.ones(new Shape());
    pool = graphs ? new CudaGraph.Pool() : null;
    pieces = Pieces.whole(parameters);
  }

  /**
   * @param dropout rate of every dropout of the encoder; 0 is off
   * @param framesPerBatch padded frames that a batch has at most
   * @param graphs whether passes are recorded, on a GPU whose libtorch can
   * @param fused whether chains of operators are kernels of their own, on a GPU with NVRTC
   * @param recompute whether blocks are computed again in the backward pass; passes are neither recorded, as a
   *     recording cannot draw the same numbers twice, nor fused then
   */
  public static Passes of(FlowModel model, Parameters parameters, double dropout, int framesPerBatch, boolean graphs,
      boolean fused, boolean recompute) {
    boolean wanted = graphs && !recompute && parameters.device().isGpu();
    boolean recorded = wanted && CudaGraph.available();
    if (wanted && !recorded) {
      LOG.warn("this libtorch cannot record CUDA graphs: every operator is launched by the host, which makes small "
          + "batches slower");
    }
    if (parameters.device().isGpu()) {
      Cuda.allowCudnnAttention(recorded);
    }
    if (recorded) {
      Cuda.useOwnStream(parameters.device().getDeviceId());
    }
    Optional<FusedKernels> kernels = fused && !recompute
        ? FusedKernels.of(parameters.device(), parameters.precision()) : Optional.empty();
    Passes passes = new Passes(model, parameters, dropout, framesPerBatch, recorded, recompute, kernels);
    if (recorded) {
      passes.warmUp();
    }
    return passes;
  }

  /** On any device, with the given kernels; nothing is recorded. */
  public static Passes of(
      FlowModel model, Parameters parameters, double dropout, int framesPerBatch, FusedKernels kernels) {
    return new Passes(model, parameters, dropout, framesPerBatch, false, false, Optional.of(kernels));
  }

  /**
   * From now on a pass tells which gradients it will not touch again, while it goes on; before the first one.
   *
   * @param whenFinal is given how many pieces, from the first on, are final; a pass ends with all of them
   */
  public Passes tell(Pieces pieces, IntConsumer whenFinal) {
    this.pieces = pieces;
    this.whenFinal = whenFinal;
    return this;
  }

  /**
   * From now on gradients are those of the loss times a number: a scale of the mean loss of a full batch, whose sum has
   * too many terms for float16.
   */
  public void scaleLoss(double scaleOfMean) {
    lossScale = (float) (scaleOfMean / ((double) framesPerBatch * model.melBins()));
    Tensors.copy(seed, Operators.number(lossScale));
  }

  /** What gradients are to be divided by. */
  public double lossScale() {
    return lossScale;
  }

  /** Starts a sum of losses and gradients. */
  public void begin() {
    Tensors.zero(lossSum);
    parameters.zeroGrad();
  }

  /** Σ of {@link FlowModel#lossSum} since {@link #begin}, a scalar on the device. */
  public NDArray lossSum() {
    return lossSum;
  }

  /** {@link #run(Batch, Draws, long, boolean)} with attention that sees everything. */
  public void run(Batch batch, Draws draws, long seed) {
    run(batch, draws, seed, false);
  }

  /**
   * One forward and one backward pass, with the dropout of the seed.
   *
   * @param streaming whether attention sees chunks as {@link FlowModel#chunks} has set them
   */
  public void run(Batch batch, Draws draws, long seed, boolean streaming) {
    Torch.seed(seed);
    if (pool == null) {
      pass(streaming(m -> model.inputs(m, batch, draws), streaming), blocks(seed), whenFinal);
      return;
    }
    Filling filling = Filling.of(batch, framesPerBatch);
    Inputs.Layout layout = model.layout(filling.fill(batch), filling.fill(batch, draws));
    Kind kind = new Kind(filling, streaming);
    Recorded recorded = graphs.get(kind);
    if (recorded == null && graphs.size() == MOST_GRAPHS) {
      pass(streaming(m -> model.inputs(layout, layout.transfer().send(m)), streaming), Blocks.PLAIN, whenFinal);
      return;
    }
    if (recorded == null) {
      model.reserve(filling.tokens());
      NDArray buffer = inputs(layout.transfer().size());
      recorded = new Recorded(
          buffer, record(streaming(m -> model.inputs(layout, Tensors.alias(m, buffer)), streaming)));
      graphs.put(kind, recorded);
    }
    layout.transfer().send(manager, recorded.buffer);
    recorded.segments.forEach(segment -> {
      segment.graph.replay();
      whenFinal.accept(segment.pieces);
    });
  }

  /** Cut where pieces become final: what is told of them is no part of a recording. */
  private List<Segment> record(Source source) {
    List<Integer> ends = new ArrayList<>();
    List<CudaGraph> recorded = CudaGraph.record(pool, cut -> pass(source, Blocks.PLAIN, count -> {
      ends.add(count);
      if (count < pieces.count()) {
        cut.run();
      }
    }));
    return IntStream.range(0, recorded.size()).mapToObj(i -> new Segment(recorded.get(i), ends.get(i))).toList();
  }

  private Blocks blocks(long seed) {
    return recompute ? new Recomputed(seed)
        : dropout > 0 && !parameters.device().isGpu() ? new Blocks.Seeded(seed) : Blocks.PLAIN;
  }

  /** One place for the inputs of all recordings, which are replayed one after the other. */
  private NDArray inputs(long size) {
    if (inputs == null || inputs.size() < size) {
      inputs = manager.create(new Shape(size * 5 / 4)); // earlier recordings keep theirs
    }
    return inputs;
  }

  /** A pass of little size that counts nowhere: libraries set up what they keep on the device. */
  private void warmUp() {
    int tokens = 12;
    Batch batch = new Batch(List.of(""), new long[2 * tokens], new int[] {tokens},
        new float[2 * tokens * model.melBins()], new float[model.speakerChannels()]);
    Draws draws = new Draws(new float[1], new float[batch.mel_BFC().length], new int[1], new boolean[1]);
    pass(m -> model.inputs(m, batch, draws), Blocks.PLAIN, count -> {});
    begin();
  }

  private interface Source {
    Inputs in(NDManager manager);
  }

  private Source streaming(Source offline, boolean streaming) {
    return streaming ? m -> model.streaming(offline.in(m), m) : offline;
  }

  private void pass(Source source, Blocks blocks, IntConsumer whenFinal) {
    try (NDManager outer = NDManager.newBaseManager(parameters.device(), "PyTorch")) {
      Gathering gathering = new Gathering(parameters, pieces, whenFinal);
      Functions functions = kernels.map(k -> k.begin(outer, gathering::backAt)).orElseGet(Autograd::new);
      NDArray loss;
      try (NDManager forward = outer.newSubManager()) {
        // on the CPU they are memory of Java's, which the backward pass reads too
        Inputs in = source.in(outer);
        loss = model.lossSum(in, dropout, blocks, forward, functions);
        lossSum.addi(loss);
        if (blocks instanceof Recomputed again) {
          again.backward(loss, seed);
          gathering.finish();
          return;
        }
        loss.attach(outer);
      } // the backward pass itself frees what it has read
      Backward.run(loss, seed);
      functions.backward();
      gathering.finish();
    }
  }

  @Override
  public void close() {
    graphs.values().forEach(r -> r.segments.forEach(s -> s.graph.close()));
    manager.close();
  }
}
