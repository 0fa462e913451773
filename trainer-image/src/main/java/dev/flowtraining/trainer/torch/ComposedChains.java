package dev.flowtraining.trainer.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;

/** {@link Chains} as operators: the arithmetic of the kernels, provable without a GPU. */
final class ComposedChains implements Chains {
  private static final double GELU = 2 * Math.sqrt(2 / Math.PI);
  private static final double CUBE = 0.044715;

  @Override
  public GatedNormed gatedNorm(
      NDManager manager, NDArray x, NDArray yOrNull, Vectors gateOrNull, Vectors shift, Vectors scale, double eps) {
    NDArray sum = Tensors.alias(manager, x);
    long c = x.getShape().get(2);
    if (yOrNull != null) {
      sum = sum.add(Tensors.alias(manager, yOrNull).mul(gateOrNull.view(c)));
    }
    NDArray stats_R2 = stats(sum, c, eps);
    NDArray normed = standardised(sum, stats_R2, c).mul(plusOne(manager, scale, c)).add(shift.view(c));
    return new GatedNormed(sum, normed, stats_R2);
  }

  @Override
  public GatedNormGradients gatedNormBackward(NDManager manager, NDArray d, NDArray dSumOrNull, NDArray sum,
      NDArray stats_R2, NDArray yOrNull, Vectors gateOrNull, Vectors scale, Vectors dGateOrNull, Vectors dShift,
      Vectors dScale) {
    long c = sum.getShape().get(2);
    NDArray h = standardised(Tensors.alias(manager, sum), stats_R2, c);
    NDArray dx = normGradient(Tensors.alias(manager, d).mul(plusOne(manager, scale, c)), h, stats_R2, c);
    if (dSumOrNull != null) {
      dx = dx.add(dSumOrNull);
    }
    write(dShift.view(c), Tensors.alias(manager, d).sum(new int[] {1}, true));
    write(dScale.view(c), Tensors.alias(manager, d).mul(h).sum(new int[] {1}, true));
    if (yOrNull == null) {
      return new GatedNormGradients(dx, null);
    }
    write(dGateOrNull.view(c), dx.mul(yOrNull).sum(new int[] {1}, true));
    return new GatedNormGradients(dx, dx.mul(gateOrNull.view(c)));
  }

  @Override
  public Normed norm(NDManager manager, NDArray x, NDArray weight, NDArray bias, double eps, Activation activation) {
    long c = weight.size();
    NDArray rows = Tensors.alias(manager, x);
    NDArray stats_R2 = stats(rows, c, eps);
    NDArray affine = standardised(rows, stats_R2, c).reshape(-1, c).mul(weight).add(bias).reshape(x.getShape());
    return new Normed(activate(manager, affine, activation), stats_R2);
  }

  @Override
  public NDArray normBackward(NDManager manager, NDArray d, NDArray x, NDArray stats_R2, NDArray weight, NDArray bias,
      Activation activation, NDArray dWeightOrNull, NDArray dBiasOrNull) {
    long c = weight.size();
    NDArray h = standardised(Tensors.alias(manager, x), stats_R2, c).reshape(-1, c);
    NDArray e = Tensors.alias(manager, d).reshape(-1, c).mul(slope(h.mul(weight).add(bias), activation));
    add(dWeightOrNull, e.mul(h).sum(new int[] {0}));
    add(dBiasOrNull, e.sum(new int[] {0}));
    return normGradient(e.mul(weight), h, stats_R2, c).reshape(x.getShape());
  }

  @Override
  public NDArray activate(NDManager manager, NDArray x, Activation activation) {
    return new Autograd().activate(manager, x, activation);
  }

  @Override
  public NDArray activateBackward(NDManager manager, NDArray d, NDArray x, Activation activation) {
    return Tensors.alias(manager, d).mul(slope(Tensors.alias(manager, x), activation));
  }

  @Override
  public void columnSums(NDArray d, NDArray dBias) {
    try (NDManager scope = d.getManager().newSubManager()) {
      add(dBias, Tensors.alias(scope, d).reshape(-1, dBias.size()).sum(new int[] {0}));
    }
  }

  @Override
  public NDArray windows(NDManager manager, NDArray x_BFC, int kernel) {
    return Operators.windows(Tensors.alias(manager, x_BFC), kernel, kernel - 1, 0);
  }

  @Override
  public NDArray windowsBackward(NDManager manager, NDArray d_BFN, int kernel) {
    long b = d_BFN.getShape().get(0);
    long f = d_BFN.getShape().get(1);
    NDArray d_BFCK = Tensors.alias(manager, d_BFN).reshape(b, f, -1, kernel);
    NDArray sum = null;
    for (int k = 0; k < kernel; k++) {
      long later = kernel - 1 - k; // frame f is in place k of the window that ends at f + later
      NDArray place_BFC = Operators.narrow(d_BFCK, 3, k, 1).reshape(b, f, -1);
      NDArray shifted = Operators.pad(Operators.narrow(place_BFC, 1, later, f - later), 1, 0, later);
      sum = sum == null ? shifted : sum.add(shifted);
    }
    return sum;
  }

  private static NDArray plusOne(NDManager manager, Vectors scale, long c) {
    return new Vectors(Tensors.alias(manager, scale.all_B1N()), scale.index()).view(c).add(Operators.number(1));
  }

  private static NDArray stats(NDArray x, long c, double eps) {
    NDArray rows = x.reshape(-1, c);
    NDArray mean = rows.mean(new int[] {1}, true);
    NDArray rstd = rows.sub(mean).square().mean(new int[] {1}, true).add(Operators.number(eps)).sqrt();
    return NDArrays.concat(new NDList(mean, ones(rstd).div(rstd)), 1);
  }

  /** h of the formulas, in the shape of x. */
  private static NDArray standardised(NDArray x, NDArray stats_R2, long c) {
    return x.reshape(-1, c).sub(Operators.narrow(stats_R2, 1, 0, 1)).mul(Operators.narrow(stats_R2, 1, 1, 1))
        .reshape(x.getShape());
  }

  private static NDArray normGradient(NDArray a, NDArray h, NDArray stats_R2, long c) {
    NDArray rows = a.reshape(-1, c);
    NDArray hs = h.reshape(-1, c);
    int[] row = {1};
    return rows.sub(rows.mean(row, true)).sub(hs.mul(rows.mul(hs).mean(row, true)))
        .mul(Operators.narrow(stats_R2, 1, 1, 1)).reshape(a.getShape());
  }

  private static NDArray slope(NDArray u, Activation activation) {
    return switch (activation) {
      case NONE -> ones(u);
      case SILU -> {
        NDArray s = Operators.sigmoid(u);
        yield s.mul(u.mul(opposite(s)).add(Operators.number(1)));
      }
      case MISH -> { // tanh(softplus(u)) + u·(1−tanh²)·σ(u)
        NDArray e = u.exp();
        NDArray n = e.mul(e.add(Operators.number(2)));
        NDArray t = n.div(n.add(Operators.number(2)));
        yield t.add(u.mul(opposite(t.square())).mul(Operators.sigmoid(u)));
      }
      case GELU_TANH -> { // u·s with s = σ(g·(u + 0.044715·u³))
        NDArray square = u.square();
        NDArray s = Operators.sigmoid(
            u.mul(Operators.scale(square, GELU * CUBE).add(Operators.number(GELU))));
        NDArray inner = Operators.scale(square, 3 * GELU * CUBE).add(Operators.number(GELU));
        yield s.add(u.mul(s).mul(opposite(s)).mul(inner));
      }
    };
  }

  /** DJL's own ends the process where the type is bfloat16. */
  private static NDArray ones(NDArray like) {
    return Tensors.zerosLike(like).addi(Operators.number(1));
  }

  /** 1 − x. */
  private static NDArray opposite(NDArray x) {
    return ones(x).sub(x);
  }

  private static void add(NDArray targetOrNull, NDArray values) {
    if (targetOrNull == null) {
      return;
    }
    targetOrNull.addi(values.reshape(targetOrNull.getShape()));
  }

  private static void write(NDArray target, NDArray values) {
    Tensors.copy(target, values.reshape(target.getShape()));
  }
}
