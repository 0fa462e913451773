package dev.flowtraining.trainer.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.Tensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.function.Function;

/**
 * Adam (arXiv 1412.6980) and AdamW (arXiv 1711.05101) in torch's form: ε is added to √(v/(1−β₂ⁿ)). One pass over the
 * flat buffers; on the CPU in Java, which reads and writes each value once where operators would a dozen times.
 */
public final class Adam implements Optimizer {
  private static final int CHUNK = 2048; // elements; four arrays of it stay in the first cache

  private final Share share;
  private final double beta1;
  private final double beta2;
  private final double eps;
  private final double weightDecay;
  private final boolean decoupled;
  private final NDManager manager;
  private final NDArray average;
  private final NDArray squareAverage;
  private final FlatLoop loop;
  /** Steps done, where the device counts them: a step with gradients that are not finite counts for nothing. */
  private final NDArray stepsOnDevice;
  private long steps;

  /** @param decoupledWeightDecay true for AdamW: the decay does not pass through the moments */
  public Adam(Share share, FlowConfig.Optim optim, boolean decoupledWeightDecay) {
    this.share = share;
    Device device = share.values().getDevice();
    beta1 = optim.betas().get(0);
    beta2 = optim.betas().get(1);
    eps = optim.eps();
    weightDecay = optim.weightDecay();
    decoupled = decoupledWeightDecay;
    manager = NDManager.newBaseManager(device, "PyTorch");
    average = manager.zeros(new Shape(share.length()));
    squareAverage = manager.zeros(new Shape(share.length()));
    stepsOnDevice = device.isGpu() && Tensors.hasFusedAdam() ? manager.zeros(new Shape(1)) : null;
    loop = new FlatLoop(JniUtils.getNumThreads());
  }

  @Override
  public boolean readsNothing() {
    return stepsOnDevice != null;
  }

  @Override
  public void step(double lr, NDArray divisor, NDArray skip) {
    stepsOnDevice.addi(Operators.number(1));
    Tensors.fusedAdam(decoupled, share.values(), share.gradient(), average, squareAverage, stepsOnDevice, lr, beta1, beta2,
        weightDecay, eps, divisor, skip);
    stepsOnDevice.subi(skip);
  }

  @Override
  public void step(double lr, double gradScale) {
    if (readsNothing()) {
      try (NDManager scope = manager.newSubManager()) {
        step(lr, scope.zeros(new Shape(1)).addi(Operators.number(scope, 1 / gradScale)), scope.zeros(new Shape(1)));
      }
      return;
    }
    steps++;
    Rates rates = new Rates(
        (float) gradScale,
        (float) (decoupled ? 0 : weightDecay),
        (float) (decoupled ? 1 - lr * weightDecay : 1),
        (float) (1 - beta1), (float) beta2, (float) (1 - beta2),
        (float) Math.sqrt(1 - Math.pow(beta2, steps)), (float) eps, (float) (-lr / (1 - Math.pow(beta1, steps))));
    if (share.values().getDevice().isGpu()) {
      onDevice(rates);
    } else {
      onCpu(rates);
    }
  }

  /** The numbers of one step, rounded to float32 where torch rounds them. */
  private record Rates(float gradScale, float gradDecay, float keep, float newAverage, float oldSquare, float newSquare,
      float correction, float eps, float step) {}

  private void onCpu(Rates r) {
    MemorySegment p = Tensors.memory(share.values());
    MemorySegment g = Tensors.memory(share.gradient());
    MemorySegment m = Tensors.memory(average);
    MemorySegment v = Tensors.memory(squareAverage);
    loop.run(share.length(), (block, start, count) -> {
      float[] ps = new float[CHUNK];
      float[] gs = new float[CHUNK];
      float[] ms = new float[CHUNK];
      float[] vs = new float[CHUNK];
      for (int at = 0; at < count; at += CHUNK) {
        int n = Math.min(CHUNK, count - at);
        long offset = 4 * (start + at);
        // through arrays, since the compiler cannot know that native segments do not overlap and would not vectorise
        MemorySegment.copy(p, ValueLayout.JAVA_FLOAT, offset, ps, 0, n);
        MemorySegment.copy(g, ValueLayout.JAVA_FLOAT, offset, gs, 0, n);
        MemorySegment.copy(m, ValueLayout.JAVA_FLOAT, offset, ms, 0, n);
        MemorySegment.copy(v, ValueLayout.JAVA_FLOAT, offset, vs, 0, n);
        update(r, n, ps, gs, ms, vs);
        MemorySegment.copy(ps, 0, p, ValueLayout.JAVA_FLOAT, offset, n);
        MemorySegment.copy(ms, 0, m, ValueLayout.JAVA_FLOAT, offset, n);
        MemorySegment.copy(vs, 0, v, ValueLayout.JAVA_FLOAT, offset, n);
      }
    });
  }

  private static void update(Rates r, int n, float[] ps, float[] gs, float[] ms, float[] vs) {
    float gradScale = r.gradScale;
    float gradDecay = r.gradDecay;
    float keep = r.keep;
    float newAverage = r.newAverage;
    float oldSquare = r.oldSquare;
    float newSquare = r.newSquare;
    float correction = r.correction;
    float eps = r.eps;
    float step = r.step;
    for (int i = 0; i < n; i++) {
      float g = gs[i] * gradScale + gradDecay * ps[i];
      float m = ms[i] + newAverage * (g - ms[i]);
      float v = vs[i] * oldSquare + newSquare * g * g;
      ms[i] = m;
      vs[i] = v;
      ps[i] = ps[i] * keep + step * m / ((float) Math.sqrt(v) / correction + eps);
    }
  }

  private void onDevice(Rates r) {
    try (NDManager scope = manager.newSubManager()) {
      Function<Float, NDArray> number = value -> Operators.number(scope, value);
      NDArray p = Tensors.alias(scope, share.values());
      NDArray g = Tensors.alias(scope, share.gradient()).mul(number.apply(r.gradScale));
      if (r.gradDecay != 0) {
        g.addi(p.mul(number.apply(r.gradDecay)));
      }
      NDArray m = Tensors.alias(scope, average);
      NDArray v = Tensors.alias(scope, squareAverage);
      m.muli(number.apply(1 - r.newAverage)).addi(g.mul(number.apply(r.newAverage)));
      v.muli(number.apply(r.oldSquare)).addi(g.square().muli(number.apply(r.newSquare)));
      p.muli(number.apply(r.keep)).addi(
          m.div(v.sqrt().divi(number.apply(r.correction)).addi(number.apply(r.eps))).muli(number.apply(r.step)));
    }
  }

  @Override
  public long steps() {
    return stepsOnDevice == null ? steps : (long) stepsOnDevice.toFloatArray()[0];
  }

  @Override
  public long bytes() {
    return 4 * (average.size() + squareAverage.size());
  }

  /** The moments of every trained parameter as {@code exp_avg.<name>} and {@code exp_avg_sq.<name>}, and {@code steps}. */
  @Override
  public StateDict state(Exchange exchange, Arena arena) {
    LinkedHashMap<String, StateDict.Tensor> tensors =
        share.parameters().named(exchange.whole(average, arena), name -> "exp_avg." + name);
    tensors.putAll(share.parameters().named(exchange.whole(squareAverage, arena), name -> "exp_avg_sq." + name));
    StateDict state = new StateDict(tensors);
    state.integers().put("steps", steps());
    return state;
  }

  @Override
  public void load(StateDict state) {
    share.parameters().read(state, average, share.start(), name -> "exp_avg." + name);
    share.parameters().read(state, squareAverage, share.start(), name -> "exp_avg_sq." + name);
    steps = state.integer("steps", 0);
    if (stepsOnDevice != null) {
      Tensors.copy(stepsOnDevice, Operators.number(steps));
    }
  }

  @Override
  public void close() {
    loop.close();
    manager.close();
  }
}
