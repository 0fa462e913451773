package dev.flowtraining.trainer.progress;

import java.time.Duration;
import java.util.Map;

/**
 * How long to wait between two reports: the longer, the longer the stage runs. What is shown is never older than a
 * percent of its time, and a thousand trainings of hours are no burden to an API server.
 *
 * @param least between any two
 * @param longest between two of which nothing is important
 * @param started when the stage did, as {@link System#nanoTime} counts
 */
record Pace(Duration least, Duration longest, long started) {
  private static final Duration LEAST = Duration.ofSeconds(2);
  private static final String LONGEST_SECONDS = "60"; // the operator says only others (Rendezvous)
  private static final int PART = 100;

  /**
   * @param writers how many processes report to the same object: all of them together are no faster than one or two
   * @throws NumberFormatException when FLOWTRAINING_PROGRESS_INTERVAL, the longest wait, is not a number of seconds
   */
  static Pace of(Map<String, String> env, int writers) {
    long longest = Long.parseLong(env.getOrDefault("FLOWTRAINING_PROGRESS_INTERVAL", LONGEST_SECONDS));
    return new Pace(LEAST.multipliedBy((writers + 1) / 2), Duration.ofSeconds(longest), System.nanoTime());
  }

  /**
   * Nanoseconds from a report to the next.
   *
   * @param sent when the report was, as {@link System#nanoTime} counts
   */
  long after(long sent, boolean important) {
    long atLeast = least.toNanos();
    return important ? atLeast : Math.clamp((sent - started) / PART, atLeast, Math.max(atLeast, longest.toNanos()));
  }
}
