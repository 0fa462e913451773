package dev.flowtraining.trainer.check;

import ai.djl.engine.Engine;
import com.sun.management.OperatingSystemMXBean;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.torch.Torch;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** JDK, native libraries, GPUs, memory. */
final class MachineRows {
  private static final int JDK = 25;

  private MachineRows() {}

  static Row jdk() {
    String version = Runtime.version().toString();
    return Runtime.version().feature() >= JDK ? Row.ok("JDK", version)
        : Row.missing("JDK", version, "run with JDK " + JDK + " or newer", "JdkTooOld");
  }

  /** Loads libtorch with all the symbols that training calls. */
  static Row natives() {
    try {
      Torch.start("cpu", 1);
      return Row.ok("libtorch", Engine.getEngine("PyTorch").getVersion());
    } catch (StageFailure e) {
      return Row.failed("libtorch", "use the image's own libraries", e);
    } catch (RuntimeException | LinkageError e) {
      return Row.missing("libtorch", String.valueOf(e.getMessage()).lines().findFirst().orElse(e.toString()),
          "use the trainer image, or set PYTORCH_LIBRARY_PATH to a libtorch of the right version", "NativesNotFound");
    }
  }

  /** GPUs as the driver lists them: none is fine for the CPU, a warning for auto and an error for cuda. */
  static List<Row> gpus(String device, Map<String, String> env) {
    List<String> found = nvidiaSmi(env);
    if (!found.isEmpty()) {
      return found.stream().map(gpu -> Row.ok("GPU", gpu)).toList();
    }
    if (device.startsWith("cuda")) {
      return List.of(Row.missing("GPU", "none",
          "request GPUs for the pod (and a CUDA image), or train with device: cpu", "DeviceNotFound"));
    }
    return List.of(device.equals("cpu") ? Row.ok("GPU", "none, none asked for")
        : Row.warn("GPU", "none", "training will use the CPU"));
  }

  private static List<String> nvidiaSmi(Map<String, String> env) {
    try {
      Process process = new ProcessBuilder(env.getOrDefault("NVIDIA_SMI", "nvidia-smi"),
          "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
          .redirectError(ProcessBuilder.Redirect.DISCARD).start();
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return List.of();
      }
      return process.exitValue() == 0 ? process.inputReader().lines().toList() : List.of();
    } catch (IOException e) {
      return List.of(); // not installed: no GPU
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }

  /** Bytes: the container's limit where there is one (cgroup v1 or v2; the JVM reads both), else the machine's. */
  static long memoryLimit() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
