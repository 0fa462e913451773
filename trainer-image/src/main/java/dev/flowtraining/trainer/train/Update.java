package dev.flowtraining.trainer.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.flowtraining.trainer.model.Parameters;
import dev.flowtraining.trainer.torch.Operators;
import dev.flowtraining.trainer.torch.Tensors;

/**
 * One optimizer step: gradients of a sum are averaged, clipped to a global L2 norm (torch's {@code clip_grad_norm_}) and
 * applied, unless the norm is not finite. On a GPU the host only asks for it; reading the result waits until it is done.
 */
public final class Update implements AutoCloseable {
  /** Keeps the quotient finite, as torch does. */
  private static final double EPS = 1e-6;

  private final double mean;
  private final NDManager manager;
  private final NDArray normOnDevice;
  private double norm = Double.NaN;

  private Update(double mean, NDManager manager, NDArray normOnDevice) {
    this.mean = mean;
    this.manager = manager;
    this.normOnDevice = normOnDevice;
  }

  /**
   * Sums the gradients of all ranks first, and shares the new parameters afterwards.
   *
   * @param mean multiplied into every gradient: 1 / (frames · bins)
   * @param clip largest norm of the averaged gradient; 0 clips nothing, as with DeepSpeed
   */
  public static Update apply(Exchange exchange, Optimizer optimizer, double lr, double mean, double clip) {
    exchange.sumGradients();
    if (optimizer.readsNothing()) {
      return onDevice(exchange, optimizer, lr, mean, clip);
    }
    Update update = new Update(mean, null, null);
    update.norm = Math.sqrt(exchange.squares()) * mean;
    if (Double.isFinite(update.norm)) {
      optimizer.step(lr, mean * clip(clip, update.norm));
      exchange.spreadParameters();
      exchange.share().parameters().refresh();
    }
    return update;
  }

  /** What the averaged gradients are multiplied with. */
  static double clip(double limit, double norm) {
    return limit == 0 ? 1 : Math.min(1, limit / (norm + EPS));
  }

  private static Update onDevice(Exchange exchange, Optimizer optimizer, double lr, double mean, double clip) {
    double limit = clip == 0 ? Double.MAX_VALUE : clip;
    Parameters parameters = exchange.share().parameters();
    NDManager manager = NDManager.newBaseManager(parameters.device(), "PyTorch");
    NDArray norm = exchange.normOnDevice(manager);
    try (NDManager scope = manager.newSubManager()) {
      // max(1, (norm·mean + ε) / limit) / mean, of numbers that change from step to step
      NDArray divisor = Tensors.alias(scope, norm).mul(Operators.number(scope, mean / limit))
          .addi(Operators.number(scope, EPS / limit)).maximum(Operators.number(1))
          .muli(Operators.number(scope, 1 / mean));
      NDArray same = Tensors.alias(scope, norm);
      NDArray notFinite = same.sub(same).neq(Operators.number(0)).toType(DataType.FLOAT32, false);
      optimizer.step(lr, divisor, notFinite);
      exchange.spreadParameters();
      parameters.refresh();
    }
    return new Update(mean, manager, norm);
  }

  /** L2 norm of the averaged gradient before clipping. */
  public double norm() {
    if (normOnDevice != null && Double.isNaN(norm)) {
      norm = normOnDevice.getFloat() * mean;
    }
    return norm;
  }

  /** Whether the parameters were left alone, since some gradient was not finite. */
  public boolean skipped() {
    return !Double.isFinite(norm());
  }

  @Override
  public void close() {
    if (manager != null) {
      manager.close();
    }
  }
}
