package dev.flowtraining.operator.observe;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import dev.flowtraining.operator.api.v1alpha1.Checkpoint;
import dev.flowtraining.operator.api.v1alpha1.Stage;
import dev.flowtraining.operator.api.v1alpha1.Transport;
import java.math.BigDecimal;
import java.math.MathContext;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/**
 * A progress report, {@code progress.json} of the run's ConfigMap. Only stage, attempt, time and fraction are always
 * there.
 *
 * @param runId the uid of the FlowTraining that the report is of
 * @param ranks how many have met, once they have
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Report(String runId, Stage stage, Integer attempt, String time, Double fraction, String message,
    Integer ranks, Integer epoch, Integer maxEpoch, Long step, Double loss, Double cvLoss, Double bestCvLoss,
    Double learningRate, Double framesPerSecond, String estimatedCompletion, Checkpoint checkpoint,
    Transport transport) {

  private static final int MAX_TEXT = 1024;
  /** Further off no clock is, and no sum of times overflows. */
  private static final Instant EARLIEST = Instant.parse("2000-01-01T00:00:00Z");
  private static final Instant LATEST = Instant.parse("2200-01-01T00:00:00Z");
  /** More digits than these mean nothing in a status, and are hard to read there. */
  private static final MathContext DIGITS = new MathContext(5);

  public Report {
    loss = rounded(loss);
    cvLoss = rounded(cvLoss);
    bestCvLoss = rounded(bestCvLoss);
    learningRate = rounded(learningRate);
    framesPerSecond = rounded(framesPerSecond);
  }

  static Double rounded(Double value) {
    return value == null || !Double.isFinite(value) ? value
        : Double.valueOf(new BigDecimal(value).round(DIGITS).doubleValue());
  }

  /** Whether every value is in the range that it can have. What is not is dropped as a whole. */
  public boolean plausible() {
    return stage != null && attempt != null && attempt >= 1 && isTime(time)
        && fraction != null && fraction >= 0 && fraction <= 1
        && (message == null || message.length() <= MAX_TEXT)
        && (ranks == null || ranks >= 1) && (epoch == null || epoch >= 0) && (maxEpoch == null || maxEpoch >= 0) && (step == null || step >= 0)
        && isFinite(loss) && isFinite(cvLoss) && isFinite(bestCvLoss) && isPositive(learningRate)
        && isPositive(framesPerSecond) && (estimatedCompletion == null || isTime(estimatedCompletion))
        && (checkpoint == null || plausible(checkpoint)) && (transport == null || plausible(transport));
  }

  public Instant at() {
    return Instant.parse(time);
  }

  private static boolean plausible(Checkpoint checkpoint) {
    String path = checkpoint.path();
    return path != null && path.length() <= MAX_TEXT && path.matches("exp/flow_model/attempt-[0-9]+/[A-Za-z0-9._-]+")
        && checkpoint.step() != null && checkpoint.step() >= 0
        && (checkpoint.epoch() == null || checkpoint.epoch() >= 0)
        && (checkpoint.time() == null || isTime(checkpoint.time()));
  }

  /** Its way becomes the reason of a condition. */
  private static boolean plausible(Transport transport) {
    return transport.way() != null && transport.way().matches("[A-Za-z]{1,32}")
        && isPositive(transport.gigabytesPerSecond());
  }

  private static boolean isFinite(Double value) {
    return value == null || Double.isFinite(value);
  }

  private static boolean isPositive(Double value) {
    return value == null || (Double.isFinite(value) && value >= 0);
  }

  private static boolean isTime(String text) {
    if (text == null) {
      return false;
    }
    try {
      Instant time = Instant.parse(text);
      return time.isAfter(EARLIEST) && time.isBefore(LATEST);
    } catch (DateTimeParseException e) {
      return false;
    }
  }
}
