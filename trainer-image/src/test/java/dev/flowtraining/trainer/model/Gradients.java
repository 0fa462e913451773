package dev.flowtraining.trainer.model;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.flowtraining.trainer.torch.Autograd;
import dev.flowtraining.trainer.torch.Functions;
import dev.flowtraining.trainer.torch.FusedKernels;
import dev.flowtraining.trainer.torch.Precision;
import java.util.Optional;

/** Where gradients come from. */
enum Gradients {
  AUTOGRAD, FORMULAS, KERNELS;

  Functions begin(Device device, NDManager manager) {
    return switch (this) {
      case AUTOGRAD -> new Autograd();
      case FORMULAS -> FusedKernels.formulas().begin(manager, seam -> {});
      case KERNELS -> {
        assumeTrue(device.isGpu(), "kernels need a GPU: -Dfixtures.device=cuda");
        Optional<FusedKernels> kernels = FusedKernels.of(device, Precision.FP32);
        assumeTrue(kernels.isPresent(), "kernels cannot be compiled here, see the log");
        yield kernels.get().begin(manager, seam -> {});
      }
    };
  }
}
