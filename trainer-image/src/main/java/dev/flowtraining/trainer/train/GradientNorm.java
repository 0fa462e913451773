package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Tensors;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** The global L2 norm of the gradient. */
public final class GradientNorm {
  private static final int CHUNK = 2048;
  private static FlatLoop loop;
  private static int loopThreads;

  private GradientNorm() {}

  /** Of all that is trained, by one rank. */
  public static double l2(Parameters parameters) {
    return Math.sqrt(squares(parameters.grad()));
  }

  /**
   * Σ g². Not finite exactly when some gradient is not finite: squares are summed in float64 on the CPU, where the
   * result does not depend on the number of threads.
   */
  static double squares(NDArray gradient) {
    if (gradient.getDevice().isGpu()) {
      try (NDManager scope = NDManager.newBaseManager(gradient.getDevice(), "PyTorch")) {
        double norm = Tensors.alias(scope, gradient).norm().getFloat();
        return norm * norm;
      }
    }
    MemorySegment g = Tensors.memory(gradient);
    double[] sums = new double[FlatLoop.blocks(gradient.size())];
    loop().run(gradient.size(), (block, start, count) -> {
      float[] gs = new float[CHUNK];
      double sum = 0;
      for (int at = 0; at < count; at += CHUNK) {
        int n = Math.min(CHUNK, count - at);
        MemorySegment.copy(g, ValueLayout.JAVA_FLOAT, 4 * (start + at), gs, 0, n);
        sum += squares(gs, n);
      }
      sums[block] = sum;
    });
    return Arrays.stream(sums).sum();
  }

  /** Four sums side by side: one would wait for each addition. */
  private static double squares(float[] x, int n) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = 0;
    for (; i + 3 < n; i += 4) {
      a += (double) x[i] * x[i];
      b += (double) x[i + 1] * x[i + 1];
      c += (double) x[i + 2] * x[i + 2];
      d += (double) x[i + 3] * x[i + 3];
    }
    for (; i < n; i++) {
      a += (double) x[i] * x[i];
    }
    return a + b + (c + d);
  }

  private static synchronized FlatLoop loop() {
    int threads = JniUtils.getNumThreads();
    if (loop == null || loopThreads != threads) {
      if (loop != null) {
        loop.close();
      }
      loop = new FlatLoop(threads);
      loopThreads = threads;
    }
    return loop;
  }
}
