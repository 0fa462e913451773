package dev.flowtraining.trainer.progress;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Why a container ended, where the kubelet looks for it.
 *
 * @param stage the stage's name, null when none had begun
 * @param step the last optimizer step, null outside of training
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record TerminationMessage(String stage, int rank, String reason, String message, Long step) {
  /** More is cut off by the kubelet, which would leave broken JSON. */
  private static final int LIMIT = 4096;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** JSON of at most 4,096 bytes; the message is shortened when it must be. */
  public byte[] json() throws IOException {
    String text = message == null ? "" : message;
    while (true) {
      byte[] bytes = JSON.writeValueAsBytes(new TerminationMessage(stage, rank, reason, text, step));
      if (bytes.length <= LIMIT) {
        return bytes;
      }
      int keep = (int) ((long) text.length() * LIMIT / bytes.length - 2);
      text = text.substring(0, Character.isHighSurrogate(text.charAt(keep - 1)) ? keep - 1 : keep) + "…";
    }
  }

  /** Writes to {@code $FLOWTRAINING_TERMINATION_LOG} or {@code /dev/termination-log}; outside of a pod does nothing. */
  public void write(Map<String, String> env) {
    Path file = Path.of(env.getOrDefault("FLOWTRAINING_TERMINATION_LOG", "/dev/termination-log"));
    try {
      if (env.containsKey("FLOWTRAINING_TERMINATION_LOG") || Files.isWritable(file)) {
        Files.write(file, json());
      }
    } catch (IOException e) {
      System.err.println("flow-trainer: the termination message could not be written to " + file + ": " + e);
    }
  }
}
