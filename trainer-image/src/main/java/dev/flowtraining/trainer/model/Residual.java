package dev.flowtraining.trainer.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Functions;
import dev.flowtraining.trainer.torch.Vectors;

/** x + gate·y, not added up yet: the sum and the norm that follows it take one pass over memory. */
record Residual(NDArray x_BFC, NDArray yOrNull_BFC, Vectors gateOrNull) {
  private static final double EPS = 1e-6;

  static Residual of(NDArray x_BFC) {
    return new Residual(x_BFC, null, null);
  }

  /** The sum, and {@code norm(sum)·(1+scale) + shift}. */
  Functions.GatedNorm normed(Pass pass, Vectors shift, Vectors scale) {
    return pass.functions().gatedNorm(pass.manager(), x_BFC, yOrNull_BFC, gateOrNull, shift, scale, EPS);
  }

  Residual seam(Pass pass, String name) {
    return new Residual(pass.functions().seam(pass.manager(), x_BFC, name), yOrNull_BFC, gateOrNull);
  }

  /** For a trace. */
  NDArray sum() {
    return yOrNull_BFC == null ? x_BFC : yOrNull_BFC.mul(gateOrNull.view(x_BFC.getShape().get(2))).add(x_BFC);
  }

  Residual attach(NDManager manager) {
    x_BFC.attach(manager);
    yOrNull_BFC.attach(manager);
    gateOrNull.all_B1N().attach(manager);
    return this;
  }
}
