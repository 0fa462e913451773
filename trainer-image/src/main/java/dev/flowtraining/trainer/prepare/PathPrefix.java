package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;

/** How paths in {@code wav.scp} that were written on another machine are found here. */
record PathPrefix(String from, String to) {

  /** @param option {@code FROM=TO}, or null for none */
  static PathPrefix of(String option) {
    if (option == null || option.isEmpty()) {
      return new PathPrefix("", "");
    }
    int equals = option.indexOf('=');
    if (equals < 1) {
      throw new StageFailure(ExitCode.USAGE, "InvalidPathPrefix", "--path-prefix '" + option + "' must be FROM=TO");
    }
    return new PathPrefix(option.substring(0, equals), option.substring(equals + 1));
  }

  /** A prefix ends where a name ends: {@code /data} is none of {@code /database/1.wav}. */
  String map(String path) {
    boolean mapped = !from.isEmpty() && path.startsWith(from)
        && (from.endsWith("/") || path.length() == from.length() || path.charAt(from.length()) == '/');
    return mapped ? to + path.substring(from.length()) : path;
  }
}
