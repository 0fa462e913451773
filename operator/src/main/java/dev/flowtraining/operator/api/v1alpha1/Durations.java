package dev.flowtraining.operator.api.v1alpha1;

import java.time.Duration;
import java.util.Locale;

/** Times in the spec are written like 90s, 30m or 1h30m. */
public final class Durations {

  static final String PATTERN = "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$";

  private Durations() {
  }

  public static Duration parse(String text) {
    return Duration.parse("PT" + text.toUpperCase(Locale.ROOT));
  }
}
