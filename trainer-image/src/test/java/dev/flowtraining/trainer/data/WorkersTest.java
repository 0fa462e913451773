package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class WorkersTest {

  @Test
  void closingWaitsForWorkThatCannotBeInterrupted() {
    AtomicBoolean left = new AtomicBoolean();
    CountDownLatch inside = new CountDownLatch(1);
    assertThatThrownBy(() -> {
      try (Workers workers = Workers.start(2)) {
        workers.map(List.of("fails", "native"), name -> {
          if (name.equals("fails")) {
            await(inside);
            throw new IOException(name);
          }
          inside.countDown();
          long end = System.nanoTime() + 200_000_000;
          while (System.nanoTime() < end) {
            LockSupport.parkNanos(1_000_000);
          }
          left.set(true);
          return name;
        }, (in, out) -> { });
      }
    }).hasMessage("fails");
    assertThat(left).isTrue();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
