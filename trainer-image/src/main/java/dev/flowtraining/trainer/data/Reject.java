package dev.flowtraining.trainer.data;

import java.util.Optional;

/** An utterance that is left out, and why. */
public record Reject(String utt, RejectReason reason, String detail) {
  /** No value of a table begins like this: vectors begin with a bracket, tokens are not negative. */
  private static final String MARK = "- ";

  /** What stands for the value that the utterance has not, {@code - reason detail}. */
  public String mark() {
    return MARK + line();
  }

  /** {@code reason detail}, as a list of rejects has it after the name. */
  String line() {
    return reason.id() + " " + detail.replaceAll("\\s+", " ");
  }

  /** The reject that a value stands for; empty for any other value. */
  public static Optional<Reject> marked(String utt, String value) {
    return value.startsWith(MARK) ? Optional.of(of(utt, value.substring(MARK.length()))) : Optional.empty();
  }

  /** @param line {@code reason detail} */
  public static Reject of(String utt, String line) {
    String[] parts = line.split(" ", 2);
    return new Reject(utt, RejectReason.of(parts[0]), parts.length < 2 ? "" : parts[1]);
  }
}
