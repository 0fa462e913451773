package dev.flowtraining.trainer.torch;

import ai.djl.Device;
import ai.djl.pytorch.jni.JniUtils;
import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;

/** Starts DJL's PyTorch engine. */
public final class Torch {
  private Torch() {}

  /**
   * Starts the engine once per process and looks up every native symbol that training needs.
   *
   * @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto} (CUDA when there is one)
   * @param gpu N where only {@code cuda} or {@code auto} is said: a rank takes the one of its {@code LOCAL_RANK}. No
   *     other is touched, as a device keeps half a gigabyte for each process that did
   * @param threads threads within an operator; sums depend on the number, so a run keeps it
   * @throws StageFailure {@code InvalidConfig} for another word, {@code DeviceNotFound} when there is no CUDA device
   */
  public static Device start(String device, int gpu, int threads) {
    if (threads < 1) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig", "threads must be at least 1, not " + threads);
    }
    System.setProperty("ai.djl.pytorch.graph_optimizer", "false");
    LibTorch.get();
    JniUtils.setNumThreads(threads);
    return choose(device, gpu);
  }

  /** Starts the engine; of several GPUs the first is taken where none is named. */
  public static Device start(String device, int threads) {
    return start(device, 0, threads);
  }

  /** Says how matrix products of float32 tensors may be computed on this process's devices. */
  public static void use(Precision precision) {
    Cuda.allowTf32(precision == Precision.TF32);
  }

  /** Seeds torch's generators: dropout follows from it. */
  public static void seed(long seed) {
    JniUtils.setSeed(seed);
  }

  private static Device choose(String device, int gpu) {
    int gpus = Cuda.devices();
    if (device.equals("cpu") || device.equals("auto") && gpus == 0) {
      return Device.cpu();
    }
    if (!device.equals("auto") && !device.matches("cuda(:\\d+)?")) {
      throw new StageFailure(ExitCode.USAGE, "InvalidConfig",
          "device '" + device + "' is not one of auto, cpu, cuda, cuda:N");
    }
    int index = device.startsWith("cuda:") ? Integer.parseInt(device.substring(5)) : gpu;
    if (index >= gpus) {
      throw new StageFailure(ExitCode.MISSING, "DeviceNotFound", "there is no CUDA device " + index + " (" + gpus
          + " visible" + named() + "); check the node's driver and the pod's GPU request, or train on the CPU with "
          + "device: cpu");
    }
    Cuda.use(index);
    return Device.gpu(index);
  }

  private static String named() {
    String list = System.getenv("CUDA_VISIBLE_DEVICES");
    return list == null ? "" : " of CUDA_VISIBLE_DEVICES=" + list;
  }
}
