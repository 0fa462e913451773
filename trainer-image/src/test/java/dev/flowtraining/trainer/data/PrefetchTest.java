package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrefetchTest {

  @Test
  void keeps_the_order_and_the_bound() {
    AtomicLong made = new AtomicLong();
    AtomicLong most = new AtomicLong();
    AtomicLong used = new AtomicLong();
    List<Integer> inputs = IntStream.range(0, 200).boxed().toList();
    try (var prefetch = new Prefetch<>(inputs, i -> 10, i -> {
      most.accumulateAndGet(made.incrementAndGet() - used.get(), Math::max);
      return i;
    }, 4, 100, 50)) {
      List<Integer> results = new ArrayList<>();
      while (prefetch.hasNext()) {
        results.add(prefetch.next());
        used.incrementAndGet();
      }
      assertThat(results).isEqualTo(inputs);
    }
    // what waits is at most 5; one more was given out but is not yet counted as used
    assertThat(most.get()).isLessThanOrEqualTo(6);
  }

  @Test
  void so_many_ahead_for_each_thread() throws InterruptedException {
    AtomicInteger made = new AtomicInteger();
    List<Integer> inputs = IntStream.range(0, 100).boxed().toList();
    try (var prefetch = new Prefetch<>(inputs, i -> 1, i -> made.incrementAndGet(), 2, 3, 1_000_000)) {
      long deadline = System.nanoTime() + 10_000_000_000L;
      while (made.get() < 6 && System.nanoTime() < deadline) {
        Thread.sleep(1);
      }
      Thread.sleep(20);
      assertThat(made.get()).isEqualTo(6);
      prefetch.next();
      while (made.get() < 7 && System.nanoTime() < deadline) {
        Thread.sleep(1);
      }
      assertThat(made.get()).isEqualTo(7);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 16})
  void the_number_of_threads_does_not_change_the_order(int threads) {
    List<Integer> inputs = IntStream.range(0, 300).boxed().toList();
    List<Integer> results = new ArrayList<>();
    try (var prefetch = new Prefetch<>(inputs, i -> 1, i -> {
      if (i % 7 == 0) {
        Thread.yield();
      }
      return 3 * i;
    }, threads, 5, 1000)) {
      prefetch.forEachRemaining(results::add);
    }
    assertThat(results).isEqualTo(inputs.stream().map(i -> 3 * i).toList());
  }

  @Test
  void one_larger_than_the_bound_passes() {
    try (var prefetch = new Prefetch<>(List.of(1, 2, 3), i -> 1000, i -> i, 2, 4, 10)) {
      assertThat(prefetch.next() + prefetch.next() + prefetch.next()).isEqualTo(6);
      assertThat(prefetch.hasNext()).isFalse();
    }
  }

  @Test
  void a_failure_reaches_the_user_and_waiting_is_measured() {
    AtomicInteger calls = new AtomicInteger();
    try (var prefetch = new Prefetch<>(List.of(1, 2), i -> 1, i -> {
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      if (calls.incrementAndGet() == 2) {
        throw new IllegalArgumentException("bad row");
      }
      return i;
    }, 1, 4, 100)) {
      prefetch.next();
      assertThat(prefetch.waitSeconds()).isGreaterThan(0.02);
      assertThatThrownBy(prefetch::next).isInstanceOf(IllegalArgumentException.class).hasMessage("bad row");
    }
  }
}
