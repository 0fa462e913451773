package dev.flowtraining.trainer.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Functions with gradients of their own give what autograd gives: by formulas on the CPU, by kernels on a GPU. */
class FunctionsTest {
  private static Device device;

  @BeforeAll
  static void start() {
    device = Torch.start(System.getProperty("fixtures.device", "cpu"), 1);
  }

  /** Inputs by name, {@code x…} for arrays and {@code w…} for parameters, and what is computed of them. */
  private enum Program {
    LINEAR(Map.of("x", s(2, 37, 24), "w", s(16, 24), "wb", s(16))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        return f.linear(m, in.get("x"), in.get("w"), in.get("wb"));
      }
    },
    MODULATED_NORM(Map.of("x", s(3, 37, 48), "xVectors", s(3, 1, 96))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        NDArray v = in.get("xVectors");
        return f.gatedNorm(m, in.get("x"), null, null, new Vectors(v, 1), new Vectors(v, 0), 1e-6).normed_BFC();
      }
    },
    RESIDUAL_CHAIN(Map.of("x", s(3, 70, 48), "xy", s(3, 70, 48), "xVectors", s(3, 1, 288))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        NDArray v = in.get("xVectors");
        Functions.GatedNorm a = f.gatedNorm(
            m, in.get("x"), in.get("xy"), new Vectors(v, 0), new Vectors(v, 1), new Vectors(v, 2), 1e-6);
        Functions.GatedNorm b = f.gatedNorm(
            m, a.sum_BFC(), a.normed_BFC(), new Vectors(v, 4), new Vectors(v, 3), new Vectors(v, 5), 1e-6);
        return b.normed_BFC();
      }
    },
    NORM(Map.of("x", s(2, 37, 48), "w", s(48), "wb", s(48))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        return f.norm(m, in.get("x"), in.get("w"), in.get("wb"), 1e-5, Activation.MISH);
      }
    },
    NORM_PER_HEAD(Map.of("x", s(2, 37, 48), "w", s(24), "wb", s(24))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        return f.norm(m, in.get("x"), in.get("w"), in.get("wb"), 1e-5, Activation.NONE);
      }
    },
    GELU(Map.of("x", s(2, 37, 24))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        return f.activate(m, in.get("x"), Activation.GELU_TANH);
      }
    },
    SILU(Map.of("x", s(2, 37, 24))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        return f.activate(m, in.get("x"), Activation.SILU);
      }
    },
    CONVOLUTION(Map.of("x", s(2, 37, 24), "w", s(16, 24, 3), "wb", s(16))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        return f.causalConvolution(m, in.get("x"), in.get("w"), in.get("wb"));
      }
    },
    ATTENTION(Map.of("xq", s(2, 37, 48), "xk", s(2, 37, 48), "xv", s(2, 37, 48))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        return f.attention(m, in.get("xq"), in.get("xk"), in.get("xv"), 2, null);
      }
    },
    /** The widths of the production model. */
    WIDE(Map.of("x", s(2, 100, 512), "xVectors", s(2, 1, 1536), "w", s(2048, 512), "wb", s(2048))) {
      @Override
      NDArray of(Functions f, NDManager m, Map<String, NDArray> in) {
        NDArray v = in.get("xVectors");
        NDArray y = f.gatedNorm(m, in.get("x"), in.get("x"), new Vectors(v, 0), new Vectors(v, 1), new Vectors(v, 2),
            1e-6).normed_BFC();
        return f.activate(m, f.linear(m, y, in.get("w"), in.get("wb")), Activation.GELU_TANH);
      }
    };

    private final Map<String, Shape> shapes;

    Program(Map<String, Shape> shapes) {
      this.shapes = new LinkedHashMap<>(shapes);
    }

    abstract NDArray of(Functions f, NDManager m, Map<String, NDArray> in);

    private static Shape s(long... shape) {
      return new Shape(shape);
    }
  }

  @ParameterizedTest
  @EnumSource(Program.class)
  void theFormulasAreAutogradsGradients(Program program) {
    assertSame(program, new ComposedChains(), 2e-5);
  }

  @ParameterizedTest
  @EnumSource(Program.class)
  void theKernelsComputeTheFormulas(Program program) {
    assumeTrue(device.isGpu(), "kernels need a GPU: -Dfixtures.device=cuda");
    assumeTrue(Kernels.available(), "there is no NVRTC beside this libtorch");
    assertSame(program, KernelChains.of(device.getDeviceId(), false), 2e-5);
  }

  private static void assertSame(Program program, Chains chains, double tolerance) {
    try (NDManager m = NDManager.newBaseManager(device, "PyTorch")) {
      Map<String, float[]> expected = run(program, m, new Autograd());
      Map<String, float[]> actual = run(program, m, new Taped(m, chains, seam -> {}));
      expected.forEach((name, values) -> assertThat(distance(values, actual.get(name)))
          .as("%s of %s", name, program).isLessThan(tolerance));
    }
  }

  /** The result and the gradients of its weighted sum. */
  private static Map<String, float[]> run(Program program, NDManager m, Functions f) {
    Random random = new Random(7);
    Map<String, NDArray> leaves = new LinkedHashMap<>();
    program.shapes.keySet().stream().sorted().forEach(name -> {
      NDArray leaf = draw(m, random, program.shapes.get(name), name.startsWith("w") ? 0.5f : 1);
      leaf.setRequiresGradient(true);
      GradientBuffer.share(leaf, m.zeros(leaf.getShape()));
      leaves.put(name, leaf);
    });
    Map<String, float[]> seen = new LinkedHashMap<>();
    try (var _ = Backward.recording(true)) {
      Map<String, NDArray> in = new LinkedHashMap<>();
      leaves.forEach((name, leaf) -> in.put(name, name.startsWith("x") ? f.enter(m, leaf) : leaf));
      NDArray y = f.leave(m, program.of(f, m, in));
      seen.put("result", y.toFloatArray());
      Backward.run(y.mul(draw(m, random, y.getShape(), 1)).sum());
    }
    f.backward();
    leaves.forEach((name, leaf) -> seen.put("gradient of " + name, gradient(leaf).toFloatArray()));
    return seen;
  }

  private static NDArray gradient(NDArray leaf) {
    return JniUtils.getGradient((PtNDArray) leaf);
  }

  private static NDArray draw(NDManager m, Random random, Shape shape, float deviation) {
    float[] values = new float[Math.toIntExact(shape.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = deviation * (float) random.nextGaussian();
    }
    return m.create(values, shape);
  }

  /** Relative, of the whole arrays. */
  private static double distance(float[] expected, float[] actual) {
    double difference = 0;
    double length = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow(expected[i] - actual[i], 2);
      length += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / length);
  }
}
