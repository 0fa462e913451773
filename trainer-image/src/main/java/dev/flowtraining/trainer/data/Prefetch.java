package dev.flowtraining.trainer.data;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * Makes things ahead of their use with a few threads, in order whatever their number, as long as what waits stays
 * within a number of things for each thread and within a number of bytes; the next one is made even when it is larger.
 * Tells how long its user waited: a trainer that waits for data shows it.
 */
public final class Prefetch<I, T> implements Iterator<T>, AutoCloseable {
  private final Iterator<I> inputs;
  private final ToLongFunction<I> bytesOf;
  private final Function<I, T> make;
  private final long maxBytes;
  private final long maxWaiting;
  private final ExecutorService workers;
  private final ArrayDeque<Waiting<T>> waiting = new ArrayDeque<>();
  private I upcoming;
  private long waitingBytes;
  private long waitNanos;

  private record Waiting<T>(Future<T> result, long bytes) {}

  /**
   * @param bytesOf size of what will be made, known before
   * @param make called from several threads
   * @param prefetch things ahead for each thread at most, torch's {@code prefetch_factor}
   */
  public Prefetch(List<I> inputs, ToLongFunction<I> bytesOf, Function<I, T> make, int threads, int prefetch,
      long maxBytes) {
    this.inputs = inputs.iterator();
    this.bytesOf = bytesOf;
    this.make = make;
    this.maxBytes = maxBytes;
    maxWaiting = (long) Math.max(1, threads) * prefetch;
    workers = Executors.newFixedThreadPool(Math.max(1, threads),
        Thread.ofPlatform().daemon().name("data-", 0).factory());
    fill();
  }

  @Override
  public boolean hasNext() {
    return !waiting.isEmpty();
  }

  @Override
  public T next() {
    if (waiting.isEmpty()) {
      throw new NoSuchElementException();
    }
    Waiting<T> first = waiting.removeFirst();
    long start = System.nanoTime();
    try {
      return first.result.get();
    } catch (ExecutionException e) {
      close();
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        default -> throw new IllegalStateException(e.getCause());
      }
    } catch (InterruptedException e) {
      close();
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for data", e);
    } finally {
      waitNanos += System.nanoTime() - start;
      waitingBytes -= first.bytes;
      fill();
    }
  }

  /** Seconds that {@link #next} has waited so far. */
  public double waitSeconds() {
    return waitNanos / 1e9;
  }

  private void fill() {
    while (!workers.isShutdown() && (upcoming != null || inputs.hasNext()) && waiting.size() < maxWaiting) {
      if (upcoming == null) {
        upcoming = inputs.next();
      }
      long bytes = bytesOf.applyAsLong(upcoming);
      if (!waiting.isEmpty() && waitingBytes + bytes > maxBytes) {
        return;
      }
      I input = upcoming;
      upcoming = null;
      waitingBytes += bytes;
      waiting.addLast(new Waiting<>(workers.submit(() -> make.apply(input)), bytes));
    }
  }

  @Override
  public void close() {
    workers.shutdownNow();
  }
}
