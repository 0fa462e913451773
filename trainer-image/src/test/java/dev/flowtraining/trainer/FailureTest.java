package dev.flowtraining.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.engine.EngineException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailureTest {
  @TempDir Path folder;

  private void assertEnds(Throwable thrown, ExitCode code, String reason) {
    Failure failure = Failure.of(thrown, folder);
    assertThat(failure.exitCode()).as(thrown.toString()).isEqualTo(code);
    assertThat(failure.reason()).as(thrown.toString()).isEqualTo(reason);
  }

  @Test
  void everyWayToEndHasItsCode() {
    StageFailure lost = new StageFailure(ExitCode.RETRYABLE, "PeerLost", "rank 1 is gone");
    assertEnds(lost, ExitCode.RETRYABLE, "PeerLost");
    assertEnds(new ExecutionException(new RuntimeException(lost)), ExitCode.RETRYABLE, "PeerLost");
    assertEnds(new InterruptedException(), ExitCode.TERMINATED, "Terminated");
    assertEnds(new UncheckedIOException(new ClosedByInterruptException()), ExitCode.TERMINATED, "Terminated");
    assertEnds(new OutOfMemoryError("Java heap space"), ExitCode.OUT_OF_MEMORY, "OutOfMemory");
    assertEnds(new ExecutionException(new OutOfMemoryError("x")), ExitCode.OUT_OF_MEMORY, "OutOfMemory");
    assertEnds(new EngineException("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        ExitCode.OUT_OF_MEMORY, "OutOfMemory");
    assertEnds(new EngineException("shape mismatch"), ExitCode.UNKNOWN, "UnexpectedError");
    assertEnds(new AccessDeniedException("/workspace/x"), ExitCode.MISSING, "VolumeNotWritable");
    assertEnds(new UncheckedIOException(new IOException("Input/output error")), ExitCode.RETRYABLE, "InputOutputError");
    assertEnds(new IllegalStateException("?"), ExitCode.UNKNOWN, "UnexpectedError");
  }

  @Test
  void anExhaustedMemoryNamesTheSettingsToLower() {
    assertThat(Failure.of(new OutOfMemoryError("Java heap space"), null).message())
        .contains("max_frames_in_batch").contains("prefetch_mib");
  }
}
