package dev.flowtraining.trainer.data;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** One thread a core. Work is done in any order, results are taken in the order of the input. */
public final class Workers implements AutoCloseable {
  private final int threads;
  private final ExecutorService pool;

  private Workers(int threads) {
    this.threads = threads;
    this.pool = Executors.newFixedThreadPool(threads);
  }

  public static Workers start() {
    return start(Integer.MAX_VALUE);
  }

  public static Workers start(int atMost) {
    return new Workers(Math.min(atMost, Runtime.getRuntime().availableProcessors()));
  }

  @FunctionalInterface
  public interface Work<I, O> {
    O apply(I in) throws IOException;
  }

  @FunctionalInterface
  public interface Taker<I, O> {
    void take(I in, O out) throws IOException;
  }

  /** Applies the work to all; the first failure, in the order of the input, ends it. At most a few results wait. */
  public <I, O> void map(Iterable<I> inputs, Work<I, O> work, Taker<I, O> taker)
      throws IOException, InterruptedException {
    record Pending<I, O>(I in, Future<O> out) {}
    Deque<Pending<I, O>> pending = new ArrayDeque<>();
    Iterator<I> rest = inputs.iterator();
    try {
      while (rest.hasNext() || !pending.isEmpty()) {
        while (rest.hasNext() && pending.size() < 4 * threads) {
          I in = rest.next();
          pending.add(new Pending<>(in, pool.submit(() -> work.apply(in))));
        }
        Pending<I, O> next = pending.poll();
        taker.take(next.in(), result(next.out()));
      }
    } finally {
      pending.forEach(p -> p.out().cancel(true));
    }
  }

  private static <O> O result(Future<O> future) throws IOException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException runtime -> throw runtime;
        case Error error -> throw error;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** Waits for work that is under way: what it uses, native memory perhaps, is closed next. */
  @Override
  public void close() {
    pool.shutdownNow();
    pool.close();
  }
}
