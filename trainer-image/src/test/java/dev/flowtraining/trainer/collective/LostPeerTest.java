package dev.flowtraining.trainer.collective;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.StageFailure;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real processes that are killed or stopped in mid-work. */
class LostPeerTest {
  private static final Duration PEER_TIMEOUT = Duration.ofSeconds(3);

  /** A rank that reduces until something happens. */
  static final class Rank {
    private Rank() {}

    public static void main(String[] args) {
      try {
        Collective collective =
            Rendezvous.join(Ranks.of(System.getenv()), "plan", Duration.ofSeconds(60), PEER_TIMEOUT);
        MemorySegment values = Arena.ofAuto().allocate(4 << 20, 4);
        collective.barrier();
        System.out.println("ready");
        while (true) {
          collective.allReduce(values);
        }
      } catch (StageFailure e) {
        System.out.println(e.reason() + ": " + e.getMessage());
        System.exit(e.exitCode().code());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void a_killed_rank_ends_the_others_within_seconds(int victim) throws Exception {
    List<Process> ranks = start(3);
    try {
      ranks.get(victim).destroyForcibly();
      expectPeerLost(ranks, victim, 5);
    } finally {
      ranks.forEach(Process::destroyForcibly);
    }
  }

  @Test
  void a_stopped_rank_ends_the_others_after_the_time_out() throws Exception {
    List<Process> ranks = start(3);
    try {
      new ProcessBuilder("kill", "-STOP", Long.toString(ranks.get(1).pid())).start().waitFor();
      expectPeerLost(ranks, 1, PEER_TIMEOUT.toSeconds() + 7);
    } finally {
      ranks.forEach(Process::destroyForcibly);
    }
  }

  private static void expectPeerLost(List<Process> ranks, int victim, long seconds) throws Exception {
    long start = System.nanoTime();
    for (int r = 0; r < ranks.size(); r++) {
      if (r != victim) {
        long left = seconds * 1000 - (System.nanoTime() - start) / 1_000_000;
        assertThat(ranks.get(r).waitFor(Math.max(1, left), TimeUnit.MILLISECONDS)).as("rank %d ended", r).isTrue();
        assertThat(ranks.get(r).exitValue()).isEqualTo(75);
        assertThat(ranks.get(r).inputReader().readLine()).startsWith("PeerLost: ").contains("rank " + victim);
      }
    }
  }

  private static List<Process> start(int worldSize) throws Exception {
    int port = FreePort.find();
    List<Process> ranks = new ArrayList<>();
    for (int r = 0; r < worldSize; r++) {
      ProcessBuilder builder = new ProcessBuilder(
          Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx64m", "-XX:+UseSerialGC",
          "-cp", System.getProperty("java.class.path"), Rank.class.getName());
      builder.environment().putAll(Map.of("RANK", Integer.toString(r), "WORLD_SIZE",
          Integer.toString(worldSize), "MASTER_PORT", Integer.toString(port)));
      ranks.add(builder.redirectError(ProcessBuilder.Redirect.INHERIT).start());
    }
    for (Process rank : ranks) {
      BufferedReader lines = rank.inputReader();
      String line = lines.readLine();
      if (!"ready".equals(line)) {
        ranks.forEach(Process::destroyForcibly);
        throw new IOException("a rank did not come up: " + line);
      }
    }
    return ranks;
  }
}
