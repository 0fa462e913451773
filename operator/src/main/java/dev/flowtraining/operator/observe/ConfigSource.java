package dev.flowtraining.operator.observe;

import java.util.Optional;

/**
 * The user's YAML on top of the preset, read when a run may begin.
 *
 * @param text its content; empty when the preset stands alone
 * @param missing what the spec names and is not there, in a sentence
 */
public record ConfigSource(Optional<String> text, Optional<String> missing) {

  public static ConfigSource none() {
    return new ConfigSource(Optional.empty(), Optional.empty());
  }
}
