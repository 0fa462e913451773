package dev.flowtraining.trainer.train;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Walks over a flat buffer in blocks, several threads at once. Blocks do not depend on the number of threads, so that
 * sums over blocks do not either.
 */
final class FlatLoop implements AutoCloseable {
  /** Elements of a block. */
  static final int BLOCK = 1 << 18;

  /** Work on the elements from {@code start}, {@code count} of them. */
  @FunctionalInterface
  interface Body {
    void run(int block, long start, int count);
  }

  private final int threads;
  private final ExecutorService pool;

  FlatLoop(int threads) {
    this.threads = threads;
    pool = threads == 1 ? null : Executors.newFixedThreadPool(threads - 1, Thread.ofPlatform().daemon()
        .name("flat-loop-", 0).factory());
  }

  static int blocks(long size) {
    return Math.toIntExact(Math.ceilDiv(size, BLOCK));
  }

  void run(long size, Body body) {
    List<Future<?>> others = new ArrayList<>();
    for (int thread = 1; thread < threads; thread++) {
      int first = thread;
      others.add(pool.submit(() -> share(first, size, body)));
    }
    share(0, size, body);
    for (Future<?> other : others) {
      try {
        other.get();
      } catch (ExecutionException e) {
        throw new IllegalStateException(e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted within an optimizer step", e);
      }
    }
  }

  @Override
  public void close() {
    if (pool != null) {
      pool.shutdown();
    }
  }

  private void share(int first, long size, Body body) {
    for (int block = first; block < blocks(size); block += threads) {
      long start = (long) block * BLOCK;
      body.run(block, start, (int) Math.min(BLOCK, size - start));
    }
  }
}
