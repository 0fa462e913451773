package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.collective.FreePort;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Stage 4 with several ranks on one machine: a process for each, as the operator would start containers. */
public final class LocalRanks {
  /** A rank that is told to stop saves a checkpoint first. */
  private static final int GRACE_SECONDS = 30;
  /** In training the others notice a lost peer by themselves; while they wait for it at the start they do not. */
  private static final int NOTICE_SECONDS = 5;

  private static final long LEAST_HEAP = 256L << 20;

  private LocalRanks() {}

  /**
   * Starts this program once for each rank, with the JVM options of this process and a part of its heap, and waits for
   * all. Being terminated, it terminates them; when one fails, it terminates the rest.
   *
   * @param gpus a rank for each; without any, {@code ranks} ranks on the device that the arguments name
   * @param mainClass whose {@code main} a rank runs
   * @param arguments of this process; a rank gets them with the stage {@code train}
   * @throws StageFailure {@code RankFailed} with the exit code that explains the end
   */
  public static void run(int ranks, List<String> gpus, Class<?> mainClass, String[] arguments)
      throws IOException, InterruptedException {
    int code = verdict(start(gpus.isEmpty() ? ranks : gpus.size(), gpus, mainClass, arguments));
    if (code != 0) {
      ExitCode known = Arrays.stream(ExitCode.values()).filter(c -> c.code() == code).findFirst()
          .orElse(ExitCode.UNKNOWN);
      throw new StageFailure(known, "RankFailed", "a rank ended with exit code " + code + "; its reason stands above");
    }
  }

  private static List<Integer> start(int ranks, List<String> gpus, Class<?> mainClass, String[] arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.add("-Xmx" + Math.max(LEAST_HEAP, Runtime.getRuntime().maxMemory() / ranks)); // the last one counts
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass.getName()));
    command.addAll(ofRank(arguments));
    if (!gpus.isEmpty() && Arrays.stream(arguments).noneMatch(a -> a.startsWith("--device"))) {
      command.addAll(List.of("--device", "cuda")); // a GPU that is not there is an error, not a CPU
    }
    int port = FreePort.find();
    List<Process> processes = new ArrayList<>();
    Thread terminating = new Thread(() -> end(processes));
    Runtime.getRuntime().addShutdownHook(terminating);
    try {
      for (int rank = 0; rank < ranks; rank++) {
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        builder.environment().putAll(Map.of(
            "LOCAL_RANK", Integer.toString(rank), "LOCAL_WORLD_SIZE", Integer.toString(ranks),
            "WORLD_SIZE", Integer.toString(ranks), "JOB_COMPLETION_INDEX", "0",
            "MASTER_ADDR", "127.0.0.1", "MASTER_PORT", Integer.toString(port)));
        builder.environment().remove("RANK");
        if (!gpus.isEmpty()) {
          // all of them for each, or NVLink is lost; a rank takes the one that LOCAL_RANK counts
          builder.environment().put("CUDA_VISIBLE_DEVICES", String.join(",", gpus));
        }
        processes.add(builder.start());
      }
      awaitAllOrAFailure(processes);
      // only those that ended by themselves tell why
      List<Integer> codes = processes.stream().filter(p -> !p.isAlive()).map(Process::exitValue).toList();
      end(processes);
      return codes;
    } catch (IOException | InterruptedException e) {
      end(processes);
      throw e;
    }
  }

  private static void awaitAllOrAFailure(List<Process> processes) throws InterruptedException {
    CompletableFuture<Void> all =
        CompletableFuture.allOf(processes.stream().map(Process::onExit).toArray(CompletableFuture[]::new));
    CompletableFuture<Void> failure = new CompletableFuture<>();
    processes.forEach(process -> process.onExit().thenAccept(p -> {
      if (p.exitValue() != 0) {
        failure.complete(null);
      }
    }));
    try {
      CompletableFuture.anyOf(all, failure).get();
      all.get(NOTICE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      // the rest has not noticed
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The stage becomes {@code train}; what is said to several stages or several ranks goes. */
  static List<String> ofRank(String[] arguments) {
    List<String> kept = new ArrayList<>();
    boolean value = false;
    for (int i = 0; i < arguments.length; i++) {
      String argument = arguments[i];
      boolean option = argument.startsWith("--");
      if (option && argument.matches("--(ranks|gpus|stages)(=.*)?")) {
        i += argument.contains("=") ? 0 : 1;
        continue;
      }
      kept.add(!option && !value ? "train" : argument);
      value = option && !argument.contains("=");
    }
    return kept;
  }

  /** A rank that fails makes the others lose a peer: its own code says more than theirs. */
  static int verdict(List<Integer> codes) {
    return codes.stream().filter(c -> c != 0 && c != ExitCode.RETRYABLE.code()).findFirst()
        .or(() -> codes.stream().filter(c -> c != 0).findFirst()).orElse(0);
  }

  private static void end(List<Process> processes) {
    processes.forEach(Process::destroy);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(GRACE_SECONDS);
    for (Process process : processes) {
      try {
        process.waitFor(Math.max(1, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      process.destroyForcibly();
    }
  }
}
