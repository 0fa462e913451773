package dev.flowtraining.operator.observe;

import java.time.Duration;
import java.time.Instant;

/** Of what is dear: one at a time, and all of them together a fiftieth of the time. */
final class Budget {

  private static final int SHARE = 50;
  /** What quiet times save for the next trouble. */
  private static final Duration SAVED = Duration.ofSeconds(15);

  private Instant paid = Instant.EPOCH;
  private boolean taken;

  /** Whether it may be done now; if so, {@link #spent} follows. */
  synchronized boolean take(Instant now) {
    if (taken || paid.isAfter(now)) {
      return false;
    }
    taken = true;
    return true;
  }

  synchronized void spent(Instant now, Duration took) {
    taken = false;
    Instant earliest = now.minus(SAVED);
    paid = (paid.isBefore(earliest) ? earliest : paid).plus(took.multipliedBy(SHARE));
  }
}
