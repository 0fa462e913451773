package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** {@link Chains} as kernels of {@code chains.cu}, compiled for each length of a row. */
final class KernelChains implements Chains {
  private static final int THREADS = 256;
  private static final int CHUNK = 32; // rows whose column sums are one partial sum
  static final int KERNEL = 3; // frames of a window

  private final int device;
  private final boolean bfloat16;
  private final String source;
  private final Map<Long, Kernels> compiled = new HashMap<>();

  /**
   * @param bfloat16 whether tensors are, else they are float32
   * @throws OperatorFailure when the compiler does not know the device
   */
  static KernelChains of(int device, boolean bfloat16) {
    KernelChains chains = new KernelChains(device, bfloat16);
    chains.of(8);
    return chains;
  }

  private KernelChains(int device, boolean bfloat16) {
    this.device = device;
    this.bfloat16 = bfloat16;
    try (InputStream in = KernelChains.class.getResourceAsStream("chains.cu")) {
      source = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Threads that a row takes, as {@code LANES} in the source. */
  static int lanes(long c) {
    return (int) Math.clamp(Long.highestOneBit(Math.max(1, 2 * (c / 8) - 1)), 1, 32);
  }

  private Kernels of(long c) {
    return compiled.computeIfAbsent(c, length -> {
      if (length % 8 != 0) {
        throw new IllegalArgumentException("rows of " + length + " are not a multiple of 8");
      }
      return Kernels.compile(device, source, List.of("-DBF16=" + (bfloat16 ? 1 : 0), "-DC=" + length));
    });
  }

  private static int rowsOfBlock(long c) {
    return THREADS / lanes(c);
  }

  private static int shared(long c) {
    return Math.toIntExact(rowsOfBlock(c) * c * Float.BYTES);
  }

  private static Kernels.Shape rowPerLanes(long rows, long c) {
    return new Kernels.Shape(Math.ceilDiv(rows, (long) rowsOfBlock(c)), THREADS);
  }

  private NDArray empty(NDManager manager, long... shape) {
    return bfloat16 ? BFloat16.empty(manager, shape) : manager.create(new Shape(shape));
  }

  private static long stride(Vectors vectors) {
    return vectors == null ? 0 : vectors.all_B1N().getShape().get(2);
  }

  private static NDArray at(NDManager scope, Vectors vectors, long c) {
    return vectors == null ? null : vectors.in(Tensors.alias(scope, vectors.all_B1N())).view(c);
  }

  @Override
  public GatedNormed gatedNorm(
      NDManager manager, NDArray x, NDArray yOrNull, Vectors gateOrNull, Vectors shift, Vectors scale, double eps) {
    long c = x.getShape().get(2);
    long rows = x.size() / c;
    NDArray sum = yOrNull == null ? Tensors.alias(manager, x) : Tensors.emptyLike(manager, x);
    NDArray normed = Tensors.emptyLike(manager, x);
    NDArray stats_R2 = manager.create(new Shape(rows, 2));
    try (NDManager scope = manager.newSubManager()) {
      of(c).launch("gatedNorm", rowPerLanes(rows, c), x, yOrNull, at(scope, gateOrNull, c), stride(gateOrNull),
          at(scope, shift, c), at(scope, scale, c), stride(scale), sum, normed, stats_R2, rows,
          (int) x.getShape().get(1), (float) eps);
    }
    return new GatedNormed(sum, normed, stats_R2);
  }

  @Override
  public GatedNormGradients gatedNormBackward(NDManager manager, NDArray d, NDArray dSumOrNull, NDArray sum,
      NDArray stats_R2, NDArray yOrNull, Vectors gateOrNull, Vectors scale, Vectors dGateOrNull, Vectors dShift,
      Vectors dScale) {
    long c = sum.getShape().get(2);
    int b = (int) sum.getShape().get(0);
    int f = (int) sum.getShape().get(1);
    int chunks = Math.ceilDiv(f, CHUNK);
    NDArray dx = Tensors.emptyLike(manager, sum);
    NDArray dy = yOrNull == null ? null : Tensors.emptyLike(manager, sum);
    try (NDManager scope = manager.newSubManager()) {
      NDArray partial = scope.create(new Shape(b, chunks, 3, c));
      of(c).launch("gatedNormBackward", new Kernels.Shape(chunks, b, THREADS, 1, shared(c)), d, dSumOrNull, sum,
          yOrNull, at(scope, gateOrNull, c), stride(gateOrNull), at(scope, scale, c), stride(scale), stats_R2, dx, dy,
          partial, f, CHUNK);
      of(c).launch("finishVectors", new Kernels.Shape(Math.ceilDiv(c, 32L), 3 * b, 32, 32, 0), partial, chunks,
          at(scope, dGateOrNull, c), stride(dGateOrNull), at(scope, dShift, c), stride(dShift), at(scope, dScale, c),
          stride(dScale));
    }
    return new GatedNormGradients(dx, dy);
  }

  /** Sums of partial sums, added to the gradients of as many parameters, whose partial sums lie side by side. */
  private void finish(long c, NDArray partial, int count, int parameters, NDArray first, NDArray second) {
    of(c).launch("finish", new Kernels.Shape(Math.ceilDiv(c, 32L), parameters, 32, 32, 0), partial, count, first,
        second);
  }

  @Override
  public Normed norm(NDManager manager, NDArray x, NDArray weight, NDArray bias, double eps, Activation activation) {
    long c = weight.size();
    long rows = x.size() / c;
    NDArray y = Tensors.emptyLike(manager, x);
    NDArray stats_R2 = manager.create(new Shape(rows, 2));
    of(c).launch("rowNorm", rowPerLanes(rows, c), x, weight, bias, y, stats_R2, rows, (float) eps,
        activation.ordinal());
    return new Normed(y, stats_R2);
  }

  @Override
  public NDArray normBackward(NDManager manager, NDArray d, NDArray x, NDArray stats_R2, NDArray weight, NDArray bias,
      Activation activation, NDArray dWeightOrNull, NDArray dBiasOrNull) {
    long c = weight.size();
    long rows = x.size() / c;
    int chunk = CHUNK * rowsOfBlock(c) / 8; // a worker takes four rows
    int chunks = (int) Math.ceilDiv(rows, (long) chunk);
    NDArray dx = Tensors.emptyLike(manager, x);
    try (NDManager scope = manager.newSubManager()) {
      NDArray partial = scope.create(new Shape(chunks, 2, c));
      of(c).launch("rowNormBackward", new Kernels.Shape(chunks, 1, THREADS, 1, shared(c)), d, x, weight, bias,
          stats_R2, dx, partial, rows, chunk, activation.ordinal());
      finish(c, partial, chunks, 2, dWeightOrNull, dBiasOrNull);
    }
    return dx;
  }

  @Override
  public NDArray activate(NDManager manager, NDArray x, Activation activation) {
    NDArray y = Tensors.emptyLike(manager, x);
    long vectors = x.size() / 8;
    of(x.getShape().get(2)).launch("activate", new Kernels.Shape(Math.ceilDiv(vectors, (long) THREADS), THREADS), x, y,
        vectors, activation.ordinal());
    return y;
  }

  @Override
  public NDArray activateBackward(NDManager manager, NDArray d, NDArray x, Activation activation) {
    NDArray dx = Tensors.emptyLike(manager, x);
    long vectors = x.size() / 8;
    of(x.getShape().get(2)).launch("activateBackward",
        new Kernels.Shape(Math.ceilDiv(vectors, (long) THREADS), THREADS), d, x, dx, vectors, activation.ordinal());
    return dx;
  }

  @Override
  public void columnSums(NDArray d, NDArray dBias) {
    long c = dBias.size();
    long rows = d.size() / c;
    int threads = (int) Math.min(c / 8, THREADS);
    int side = Math.max(1, THREADS / threads);
    int chunk = 8 * side;
    int chunks = (int) Math.ceilDiv(rows, (long) chunk);
    try (NDManager scope = d.getManager().newSubManager()) {
      NDArray partial = scope.create(new Shape(chunks, side, c));
      of(c).launch("columnSums",
          new Kernels.Shape(chunks, (int) Math.ceilDiv(c / 8, (long) threads), threads, side, 0), d, partial, rows,
          chunk);
      finish(c, partial, chunks * side, 1, dBias, null);
    }
  }

  @Override
  public NDArray windows(NDManager manager, NDArray x_BFC, int kernel) {
    long[] shape = x_BFC.getShape().getShape();
    NDArray y = empty(manager, shape[0], shape[1], shape[2] * kernel);
    window("windows", x_BFC, y, shape, kernel);
    return y;
  }

  @Override
  public NDArray windowsBackward(NDManager manager, NDArray d_BFN, int kernel) {
    long[] shape = d_BFN.getShape().getShape().clone();
    shape[2] /= kernel;
    NDArray dx = empty(manager, shape);
    window("windowsBackward", d_BFN, dx, shape, kernel);
    return dx;
  }

  private void window(String name, NDArray from, NDArray to, long[] shape, int kernel) {
    if (kernel != KERNEL) {
      throw new IllegalArgumentException("windows of " + kernel + " frames");
    }
    long rows = shape[0] * shape[1];
    of(shape[2]).launch(name, new Kernels.Shape(Math.ceilDiv(rows * shape[2] / 8, (long) THREADS), THREADS), from, to,
        rows, (int) shape[1]);
  }
}
