package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.Ranks;
import dev.flowtraining.trainer.collective.Collective;
import dev.flowtraining.trainer.collective.FreePort;
import dev.flowtraining.trainer.collective.Rendezvous;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Ranks as threads of this process, which start faster than processes; dropout is off, as they share a generator. */
final class RankThreads {
  private static final Duration SOON = Duration.ofSeconds(30);

  private RankThreads() {}

  interface Work<T> {
    T on(Ranks ranks) throws Exception;
  }

  interface JoinedWork<T> {
    T on(Collective collective) throws Exception;
  }

  /** @return results by rank */
  static <T> List<T> each(int worldSize, int attempt, Work<T> work) throws Exception {
    int port = FreePort.find();
    try (var pool = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
      List<Future<T>> ranks = new ArrayList<>();
      for (int rank = 0; rank < worldSize; rank++) {
        Ranks me = new Ranks(rank, rank, worldSize, "127.0.0.1", port, attempt, "run");
        ranks.add(pool.submit(() -> work.on(me)));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> rank : ranks) {
        results.add(rank.get());
      }
      return results;
    }
  }

  static <T> List<T> joined(int worldSize, JoinedWork<T> work) throws Exception {
    return each(worldSize, 1, ranks -> {
      Collective collective = Rendezvous.join(ranks, "plan", SOON, SOON);
      try {
        T result = work.on(collective);
        collective.close();
        return result;
      } catch (Exception | Error e) {
        collective.abort(e.toString());
        throw e;
      }
    });
  }
}
