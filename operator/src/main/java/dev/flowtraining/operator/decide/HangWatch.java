package dev.flowtraining.operator.decide;

import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.TrainingSpec;
import dev.flowtraining.operator.observe.Report;
import java.time.Instant;
import java.util.Optional;

/**
 * Whether a training set whose containers all run gets on: a report must come within training.stallTimeout. Whether its
 * ranks meet is for {@link RendezvousWatch}.
 */
final class HangWatch {

  private HangWatch() {
  }

  sealed interface Verdict {
  }

  /** It gets on, as far as can be told before {@code until}. */
  record Alive(Instant until) implements Verdict {
  }

  record Hangs(String message) implements Verdict {
  }

  /**
   * @param since when the last container started
   * @param last the last report of the run, of whatever attempt
   */
  static Verdict of(TrainingSpec training, int attempt, Instant since, Optional<Report> last, Instant now) {
    Instant reported = last.filter(r -> r.stage() == Stage.TRAIN && r.attempt() == attempt)
        .map(Report::at).filter(at -> at.isAfter(since)).orElse(since);
    Instant stalled = reported.plus(training.stallAfter());
    return now.isBefore(stalled) ? new Alive(stalled) : new Hangs("no progress since " + reported
        + ", longer than training.stallTimeout " + training.stallTimeout());
  }
}
