package dev.flowtraining.trainer.torch;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@link Functions} whose chains of row operators are kernels compiled on this machine. */
public final class FusedKernels {
  private static final Logger LOG = LoggerFactory.getLogger(FusedKernels.class);

  private final Chains chains;

  private FusedKernels(Chains chains) {
    this.chains = chains;
  }

  /**
   * For what passes compute in. Empty on the CPU and, with the reason in the log, where a kernel cannot be compiled.
   */
  public static Optional<FusedKernels> of(Device device, Precision precision) {
    if (!device.isGpu()) {
      return Optional.empty();
    }
    if (precision == Precision.FP16) {
      LOG.warn("kernels for chains of operators are for bf16 and fp32: with fp16 each operator takes a pass over memory, "
          + "which makes large batches slower");
      return Optional.empty();
    }
    if (!Kernels.available()) {
      LOG.warn("there is no NVRTC beside this libtorch: chains of operators take a pass over memory each, "
          + "which makes large batches slower");
      return Optional.empty();
    }
    try {
      return Optional.of(new FusedKernels(KernelChains.of(device.getDeviceId(), precision == Precision.BF16)));
    } catch (OperatorFailure e) {
      LOG.warn("kernels cannot be compiled here, so chains of operators take a pass over memory each, which makes "
          + "large batches slower: {}", e.getMessage());
      return Optional.empty();
    }
  }

  /** The same gradients as formulas, composed of operators: slower than autograd, on any device, to prove them. */
  public static FusedKernels formulas() {
    return new FusedKernels(new ComposedChains());
  }

  /**
   * For one forward and one backward pass.
   *
   * @param manager lives until the backward pass is done
   * @param seams hears of each {@link Functions#seam} that the backward pass comes to
   */
  public Functions begin(NDManager manager, Consumer<String> seams) {
    return new Taped(manager, chains, seams);
  }
}
