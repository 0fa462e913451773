package dev.flowtraining.trainer;

import ai.djl.engine.EngineException;
import dev.flowtraining.trainer.torch.OperatorFailure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.util.concurrent.CancellationException;

/**
 * What any exception means to the exit code, the operator and the user.
 *
 * @param known whether the message says it all; otherwise the stack trace is worth printing
 */
record Failure(ExitCode exitCode, String reason, String message, boolean known) {
  private static final long FULL = 1 << 20; // bytes; with fewer an input/output error is taken for a full volume

  /** @param runDir whose volume is looked at when an input/output error may come from a full one; may be null */
  static Failure of(Throwable thrown, Path runDir) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      switch (t) {
        case StageFailure f -> {
          return new Failure(f.exitCode(), f.reason(), f.getMessage(), true);
        }
        case InterruptedException e -> {
          return terminated();
        }
        case ClosedByInterruptException e -> {
          return terminated();
        }
        case CancellationException e -> {
          return terminated();
        }
        case OutOfMemoryError e -> {
          return outOfMemory("the Java heap of " + (Runtime.getRuntime().maxMemory() >> 20) + " MiB is full ("
              + e.getMessage() + ")");
        }
        case OperatorFailure e when e.outOfMemory() -> {
          return outOfMemory(e.getMessage());
        }
        case EngineException e when outOfMemory(e) -> {
          return outOfMemory("libtorch: " + firstLine(e));
        }
        case AccessDeniedException e -> {
          return new Failure(ExitCode.MISSING, "VolumeNotWritable",
              "no access to " + e.getFile() + "; check the volume's permissions (user 1000, fsGroup)", true);
        }
        case ReadOnlyFileSystemException e -> {
          return new Failure(ExitCode.MISSING, "VolumeNotWritable", "the volume is read-only", true);
        }
        case UncheckedIOException e -> { } // its cause says more
        case IOException e -> {
          return inputOutput(e, runDir);
        }
        default -> { }
      }
    }
    return new Failure(ExitCode.UNKNOWN, "UnexpectedError", thrown.toString(), false);
  }

  private static Failure terminated() {
    return new Failure(ExitCode.TERMINATED, "Terminated", "ended by SIGTERM", true);
  }

  private static Failure outOfMemory(String what) {
    return new Failure(ExitCode.OUT_OF_MEMORY, "OutOfMemory", what + "; lower dataset_conf.max_frames_in_batch,"
        + " dataset_conf.prefetch_mib or dataset_conf.num_workers, set train_conf.activation_checkpointing,"
        + " or give the container more memory (spec.training.resources)", true);
  }

  /** DJL has no type of its own for it, so libtorch's two allocators are known by their words. */
  private static boolean outOfMemory(EngineException e) {
    String message = String.valueOf(e.getMessage());
    return message.contains("DefaultCPUAllocator") || message.contains("CUDA out of memory");
  }

  private static String firstLine(Throwable e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private static Failure inputOutput(IOException e, Path runDir) {
    try {
      if (runDir != null && Files.exists(runDir) && Files.getFileStore(runDir).getUsableSpace() < FULL) {
        return new Failure(ExitCode.MISSING, "InsufficientDisk",
            "the volume of " + runDir + " is full (" + e + "); enlarge it or lower train_conf.keep_last", true);
      }
    } catch (IOException ignored) {
      // the volume itself cannot be asked: an input/output error it is
    }
    return new Failure(ExitCode.RETRYABLE, "InputOutputError", e.toString(), false);
  }
}
