package dev.flowtraining.trainer.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.StageFailure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TcpRingTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  private interface Work<T> {
    T on(Collective collective) throws Exception;
  }

  @ParameterizedTest
  @CsvSource({"2,1", "2,100003", "3,2", "3,700001", "4,262144", "5,3"})
  void sums_are_right_and_equal_on_all_ranks(int worldSize, int size) throws Exception {
    List<float[]> results = together(worldSize, collective -> {
      MemorySegment values = Arena.ofAuto().allocate((long) size * Float.BYTES, 4);
      for (int round = 0; round < 3; round++) {
        MemorySegment.copy(values(collective.rank(), size), 0, values, ValueLayout.JAVA_FLOAT, 0, size);
        collective.allReduce(values);
      }
      return values.toArray(ValueLayout.JAVA_FLOAT);
    });
    double[] expected = new double[size];
    for (int r = 0; r < worldSize; r++) {
      float[] mine = values(r, size);
      for (int i = 0; i < size; i++) {
        expected[i] += mine[i];
      }
    }
    for (float[] result : results) {
      assertThat(result).isEqualTo(results.getFirst());
    }
    for (int i = 0; i < size; i++) {
      assertThat((double) results.getFirst()[i]).isCloseTo(expected[i], org.assertj.core.data.Offset.offset(1e-5));
    }
  }

  @ParameterizedTest
  @CsvSource({"2,2", "2,100000", "3,3", "3,700002", "4,262144"})
  void the_parts_of_a_sum_are_those_of_the_whole_and_come_together_again(int worldSize, int size) throws Exception {
    List<float[]> wholes = together(worldSize, collective -> {
      MemorySegment all = Arena.ofAuto().allocate((long) size * Float.BYTES, 4);
      MemorySegment.copy(values(collective.rank(), size), 0, all, ValueLayout.JAVA_FLOAT, 0, size);
      collective.allReduce(all);
      return all.toArray(ValueLayout.JAVA_FLOAT);
    });
    for (boolean inPlace : new boolean[] {true, false}) {
      List<float[]> gathered = together(worldSize, collective -> {
        long bytes = (long) size * Float.BYTES;
        MemorySegment all = Arena.ofAuto().allocate(bytes, 4);
        MemorySegment.copy(values(collective.rank(), size), 0, all, ValueLayout.JAVA_FLOAT, 0, size);
        MemorySegment part = inPlace ? all.asSlice(collective.rank() * bytes / worldSize, bytes / worldSize)
            : Arena.ofAuto().allocate(bytes / worldSize, 4);
        collective.reduceScatter(all, part);
        if (!inPlace) {
          all.fill((byte) -1);
        }
        collective.allGather(part, all);
        return all.toArray(ValueLayout.JAVA_FLOAT);
      });
      for (float[] result : gathered) {
        assertThat(result).as("in place: %s", inPlace).isEqualTo(wholes.getFirst());
      }
    }
  }

  @Test
  void parts_that_are_not_equal_are_refused() {
    assertThatThrownBy(() -> together(2, collective -> {
      collective.reduceScatter(Arena.ofAuto().allocate(12), Arena.ofAuto().allocate(4));
      return null;
    })).hasMessageContaining("4 bytes are not one of 2 equal parts of whole floats of 12");
  }

  @Test
  void doubles_are_summed_in_the_order_of_ranks_and_bytes_are_broadcast() throws Exception {
    double[] mine = {1e16, 1.0, -1e16};
    List<String> results = together(3, collective -> {
      double sum = collective.allReduce(mine[collective.rank()])[0];
      MemorySegment bytes = Arena.ofAuto().allocate(300_001);
      bytes.fill((byte) (collective.rank() == 1 ? 42 : 0));
      collective.broadcast(bytes, 1);
      collective.barrier();
      return sum + " " + bytes.get(ValueLayout.JAVA_BYTE, 0) + bytes.get(ValueLayout.JAVA_BYTE, 300_000);
    });
    assertThat(results).containsOnly(((1e16 + 1.0) - 1e16) + " 4242");
  }

  @Test
  void a_failed_rank_ends_the_others_with_its_reason() {
    assertThatThrownBy(() -> together(3, collective -> {
      if (collective.rank() == 2) {
        collective.abort("the test wants it");
        return null;
      }
      while (true) {
        collective.barrier();
      }
    })).hasCauseInstanceOf(StageFailure.class).cause().satisfies(e -> {
      assertThat(((StageFailure) e).exitCode()).isEqualTo(ExitCode.RETRYABLE);
      assertThat(((StageFailure) e).reason()).isEqualTo("PeerLost");
    });
  }

  @Test
  void ranks_out_of_step_say_so() {
    assertThatThrownBy(() -> together(2, collective -> {
      if (collective.rank() == 0) {
        collective.barrier();
      } else {
        collective.allReduce(Arena.ofAuto().allocate(64));
      }
      return null;
    })).hasCauseInstanceOf(StageFailure.class).hasMessageMatching(".*(does .* number 1|failed: ).*");
  }

  @Test
  void ranks_of_another_run_attempt_or_plan_are_refused() throws Exception {
    int port = FreePort.find();
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Collective> host = pool.submit(() -> Rendezvous.join(ranks(0, 2, port, 3, "run"), "plan", SOON, SOON));
      for (String line : List.of("null", "{}", "GET / HTTP/1.1")) {
        say(port, line);
      }
      for (Ranks stranger : List.of(ranks(1, 2, port, 3, "other"), ranks(1, 3, port, 3, "run"))) {
        assertThatThrownBy(() -> Rendezvous.join(stranger, "plan", SOON, SOON))
            .isInstanceOf(StageFailure.class).hasMessageContaining("refused rank 1");
      }
      assertThatThrownBy(() -> Rendezvous.join(ranks(1, 2, port, 2, "run"), "plan", SOON, SOON))
          .hasMessageContaining("it belongs to attempt 2, this is attempt 3");
      assertThatThrownBy(() -> Rendezvous.join(ranks(1, 2, port, 3, "run"), "another plan", SOON, SOON))
          .hasMessageContaining("its config or data differs");
      // a newer attempt does not take an older one's word for it
      assertThatThrownBy(() -> Rendezvous.join(ranks(1, 2, port, 4, "run"), "plan", Duration.ofSeconds(1), SOON))
          .satisfies(e -> assertThat(((StageFailure) e).reason()).isEqualTo("RendezvousTimeout"));
      Future<Collective> right =
          pool.submit(() -> Rendezvous.join(ranks(1, 2, port, 3, "run"), "plan", SOON, SOON));
      Future<?> closing = pool.submit(() -> {
        host.get().close();
        return null;
      });
      right.get().close();
      closing.get();
    }
  }

  @Test
  void ranks_that_stay_away_end_the_rendezvous_in_time() throws Exception {
    int port = FreePort.find();
    for (int rank = 0; rank < 2; rank++) {
      Ranks lonely = ranks(rank, 3, port, 1, "run");
      assertThatThrownBy(() -> Rendezvous.join(lonely, "plan", Duration.ofMillis(600), SOON))
          .isInstanceOfSatisfying(StageFailure.class, e -> {
            assertThat(e.reason()).isEqualTo("RendezvousTimeout");
            assertThat(e.exitCode()).isEqualTo(ExitCode.RETRYABLE);
          });
    }
  }

  @Test
  void a_late_rank_zero_is_waited_for() throws Exception {
    int port = FreePort.find();
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<?> visitor =
          pool.submit(() -> Rendezvous.join(ranks(1, 2, port, 1, "run"), "plan", SOON, SOON).close());
      Thread.sleep(700);
      Rendezvous.join(ranks(0, 2, port, 1, "run"), "plan", SOON, SOON).close();
      visitor.get();
    }
  }

  static <T> List<T> together(int worldSize, Work<T> work) throws Exception {
    int port = FreePort.find();
    try (var pool = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
      List<Future<T>> ranks = new ArrayList<>();
      for (int r = 0; r < worldSize; r++) {
        Ranks me = ranks(r, worldSize, port, 1, "run");
        ranks.add(pool.submit(() -> {
          Collective collective = Rendezvous.join(me, "plan", SOON, SOON);
          try {
            T result = work.on(collective);
            collective.close();
            return result;
          } catch (Exception e) {
            collective.abort(e.toString());
            throw e;
          }
        }));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> rank : ranks) {
        results.add(rank.get());
      }
      return results;
    } catch (ExecutionException e) {
      throw new CompletionException(e.getCause());
    }
  }

  static Ranks ranks(int rank, int worldSize, int port, int attempt, String run) {
    return new Ranks(rank, rank, worldSize, "127.0.0.1", port, attempt, run);
  }

  /** Something that is no rank, at the port of the rendezvous. */
  private static void say(int port, String line) throws Exception {
    for (int i = 0; i < 200; i++) {
      try (Socket socket = new Socket("127.0.0.1", port)) {
        socket.getOutputStream().write((line + "\n").getBytes());
        socket.getInputStream().readAllBytes(); // until it is turned away
        return;
      } catch (ConnectException e) {
        Thread.sleep(20); // it does not listen yet
      }
    }
  }

  @Test
  void one_who_says_nothing_does_not_keep_the_ring_from_closing() throws Exception {
    try (ServerSocketChannel ring = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
        SocketChannel silent = SocketChannel.open(ring.getLocalAddress());
        SocketChannel wrong = SocketChannel.open(ring.getLocalAddress());
        SocketChannel before = SocketChannel.open(ring.getLocalAddress())) {
      wrong.write(ByteBuffer.wrap(Neighbours.greeting("another session", 1)));
      before.write(ByteBuffer.wrap(Neighbours.greeting("session", 1)));
      long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
      try (SocketChannel accepted = Neighbours.accept(ring, Neighbours.greeting("session", 1), deadline)) {
        assertThat(accepted.getRemoteAddress()).isEqualTo(before.getLocalAddress());
      }
      assertThat(silent.isOpen()).isTrue();
    }
  }

  private static float[] values(int rank, int size) {
    Random random = new Random(rank);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }
}
