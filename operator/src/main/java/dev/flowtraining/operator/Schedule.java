package dev.flowtraining.operator;

import dev.flowtraining.operator.decide.Decision;
import dev.flowtraining.operator.observe.Observation;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.Stream;

/** When the next reconcile comes if no event comes earlier. */
final class Schedule {

  private static final Duration AT_ONCE = Duration.ofMillis(50);
  private static final Duration LATER = Duration.ofSeconds(5);

  private Schedule() {
  }

  static Optional<Duration> after(Decision decision, Observation seen, Instant now) {
    return switch (decision) {
      case Decision.Idle idle -> Optional.empty();
      case Decision.Wait waiting -> waiting.recheck()
          .map(at -> Duration.between(now, at).compareTo(AT_ONCE) < 0 ? AT_ONCE : Duration.between(now, at));
      case Decision.Blocked blocked -> Optional.of(LATER);
      // events of its Job come earlier, but not of one that ended while no operator was there
      case Decision.Start start ->
          Optional.of(seen.job(start.stage(), start.step(), start.attempt()).isPresent() ? AT_ONCE : LATER);
      // each of these is one step of several: the next follows at once
      case Decision.Begin begin -> Optional.of(AT_ONCE);
      case Decision.Complete complete -> Optional.of(AT_ONCE);
      case Decision.Restart restart -> Optional.of(AT_ONCE);
      case Decision.TearDown down -> Optional.of(AT_ONCE);
      case Decision.BackOff wait -> Optional.of(AT_ONCE);
      case Decision.Suspend suspend -> Optional.of(AT_ONCE);
      case Decision.Suspended suspended -> Optional.empty();
      case Decision.Expire expire -> Optional.empty();
      case Decision.CleanUp cleaning -> Optional.of(Duration.between(now, cleaning.recheck()));
      case Decision.Release release -> Optional.empty();
      case Decision.Fail fail -> Optional.of(AT_ONCE);
    };
  }

  static Optional<Duration> earlier(Optional<Duration> one, Optional<Duration> other) {
    return Stream.concat(one.stream(), other.stream()).min(Duration::compareTo);
  }
}
