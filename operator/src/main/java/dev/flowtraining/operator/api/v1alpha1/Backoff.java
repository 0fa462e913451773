package dev.flowtraining.operator.api.v1alpha1;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Size;
import java.time.Duration;

/** Exponential back-off. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Backoff(
    @JsonPropertyDescription("The wait before the first restart, for example 10s.")
    @Size(min = 2, max = 20)
    @Pattern(Durations.PATTERN)
    String initial,

    @JsonPropertyDescription("How many times longer each further wait is.")
    @Min(1)
    @Max(10)
    Double factor,

    @JsonPropertyDescription("The longest wait, for example 5m.")
    @Size(min = 2, max = 20)
    @Pattern(Durations.PATTERN)
    String max) {

  public Backoff {
    initial = initial == null ? "10s" : initial;
    factor = factor == null ? 2.0 : factor;
    max = max == null ? "5m" : max;
  }

  /** The wait before restart number {@code restart} (1 is the first): initial · factor^(restart−1), at most max. */
  public Duration before(int restart) {
    double seconds = Durations.parse(initial).toSeconds() * Math.pow(factor, Math.max(0, restart - 1));
    return Duration.ofSeconds((long) Math.min(seconds, Durations.parse(max).toSeconds()));
  }
}
