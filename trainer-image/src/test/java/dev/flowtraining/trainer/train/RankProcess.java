package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.collective.FreePort;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A rank as a process of its own, with the environment that the operator would give it. */
final class RankProcess {
  private RankProcess() {}

  /** Runs stage 4 on a {@link SmallRun}: its folder, and the checkpoint to resume from or nothing. */
  public static void main(String[] args) throws Exception {
    SmallRun run = SmallRun.at(Path.of(args[0]));
    try {
      var result = new TrainTask().run(run.context(Ranks.of(System.getenv()), args.length > 1 ? args[1] : null, Progress.NONE));
      System.out.println("done " + result.counts());
      System.exit(0);
    } catch (StageFailure e) {
      System.out.println(e.reason() + ": " + e.getMessage());
      System.exit(e.exitCode().code());
    }
  }

  static List<Process> start(SmallRun run, int worldSize, int attempt, String... resumeFrom) throws IOException {
    int port = FreePort.find();
    List<Process> ranks = new ArrayList<>();
    for (int rank = 0; rank < worldSize; rank++) {
      List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
      ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
          .filter(a -> !a.startsWith("-Xmx") && !a.startsWith("-agentlib")).forEach(command::add);
      // half the work of such short processes is compilation
      command.addAll(List.of("-Xmx400m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
          System.getProperty("java.class.path"), RankProcess.class.getName(), run.dir.toString()));
      command.addAll(List.of(resumeFrom));
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
          .redirectOutput(run.dir.resolve("rank-" + rank + "-attempt-" + attempt + ".out").toFile());
      builder.environment().putAll(Map.of("RANK", "" + rank, "LOCAL_RANK", "" + rank, "WORLD_SIZE", "" + worldSize,
          "MASTER_PORT", "" + port, "FLOWTRAINING_ATTEMPT", "" + attempt));
      ranks.add(builder.start());
    }
    return ranks;
  }

  /** @return exit codes by rank */
  static List<Integer> await(List<Process> ranks) throws InterruptedException {
    List<Integer> codes = new ArrayList<>();
    for (Process rank : ranks) {
      codes.add(rank.waitFor());
    }
    return codes;
  }

  static String output(SmallRun run, int rank, int attempt) throws IOException {
    return Files.readString(run.dir.resolve("rank-" + rank + "-attempt-" + attempt + ".out"));
  }
}
