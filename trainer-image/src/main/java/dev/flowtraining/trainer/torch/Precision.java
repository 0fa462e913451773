package dev.flowtraining.trainer.torch;

import ai.djl.Device;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a forward and a backward pass compute in. Masters, gradients' sums, moments and norms are float32 in each. */
public enum Precision {
  /** float32 throughout. */
  FP32,
  /** float32 of which the matrix units read 10 bits of the fraction (NVIDIA, from Ampere on). */
  TF32,
  /** bfloat16 but for times, the points of the path and the loss. */
  BF16,
  /** float16 likewise: five bits of exponent, so the loss is scaled before the backward pass. */
  FP16;

  /** Whether passes compute with a copy of the masters in a type of 16 bits. */
  public boolean isHalf() {
    return this == BF16 || this == FP16;
  }

  /**
   * @param name a constant's in lower case, or {@code auto}: on a GPU bf16 where it has that, else fp16; fp32 on the
   *     CPU
   * @throws StageFailure {@code InvalidConfig} for another word, or what the device lacks
   */
  public static Precision of(String name, Device device) {
    // Ampere brought both
    boolean recent = device.isGpu() && Cuda.computeCapability(device.getDeviceId()) >= 8;
    return of(name, device.isGpu(), recent);
  }

  /** @param recent whether it is a GPU with bfloat16 and TF32 */
  static Precision of(String name, boolean gpu, boolean recent) {
    if (name.equals("auto")) {
      return recent ? BF16 : gpu ? FP16 : FP32;
    }
    if (name.equals("bf16") && gpu && !recent || name.equals("tf32") && !recent) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig", "train_conf.precision " + name + " needs a GPU of "
          + "compute capability 8 (Ampere) or higher; use " + (gpu ? "fp16, or auto" : "fp32, or auto"));
    }
    return Arrays.stream(values()).filter(p -> p.toString().equals(name)).findFirst()
        .orElseThrow(() -> new StageFailure(ExitCode.USAGE, "InvalidConfig", "precision '" + name
            + "' is not one of auto, " + Arrays.stream(values()).map(Precision::toString)
            .collect(Collectors.joining(", "))));
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
