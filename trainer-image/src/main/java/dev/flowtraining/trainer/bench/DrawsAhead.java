package dev.flowtraining.trainer.bench;

import dev.flowtraining.trainer.model.Batch;
import dev.flowtraining.trainer.model.Draws;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;

/** Draws made by a thread ahead of the steps, as training's loader does; batches are cycled. */
final class DrawsAhead implements AutoCloseable {
  private static final int AHEAD = 4;

  record Drawn(Batch batch, Draws draws) {}

  private final ArrayBlockingQueue<Drawn> queue = new ArrayBlockingQueue<>(AHEAD);
  private final Thread thread;

  /** @param restart after so many the cycle begins anew, as the peer's does when its clock starts */
  DrawsAhead(SyntheticBatches data, List<Batch> batches, int count, int restart) {
    thread = Thread.ofPlatform().daemon().name("draws").start(() -> {
      try {
        for (int i = 0; i < count; i++) {
          Batch batch = batches.get((i < restart ? i : i - restart) % batches.size());
          queue.put(new Drawn(batch, data.draws(batch)));
        }
      } catch (InterruptedException e) {
        // closed
      }
    });
  }

  Drawn next() {
    try {
      return queue.take();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for draws", e);
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
