package dev.flowtraining.operator.observe;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Optional;

/**
 * What a trainer process leaves behind: {@code {"stage","rank","reason","message","step"}}, at most 4,096 bytes. Which
 * stage and rank it was its container tells.
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record TerminationMessage(String reason, String message) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_MESSAGE = 1024;

  /** Empty when it is not that JSON: a process that died before it could write leaves the end of its log. */
  static Optional<TerminationMessage> parse(String text) {
    if (text == null || !text.strip().startsWith("{")) {
      return Optional.empty();
    }
    try {
      TerminationMessage parsed = JSON.readValue(text.strip(), TerminationMessage.class);
      boolean named = parsed.reason != null && parsed.reason.matches("[A-Z][A-Za-z0-9]{0,63}");
      return named ? Optional.of(parsed) : Optional.empty();
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }

  /** The end of a text, so that it fits into a status: the last lines of a log say why. */
  static String tail(String text) {
    String stripped = text == null ? "" : text.strip();
    return stripped.length() <= MAX_MESSAGE ? stripped : "..." + stripped.substring(stripped.length() - MAX_MESSAGE);
  }
}
