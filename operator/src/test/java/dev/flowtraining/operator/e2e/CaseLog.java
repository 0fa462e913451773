package dev.flowtraining.operator.e2e;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;

/** The story of one case, in a file of its own. */
final class CaseLog {
  private final Path file;

  CaseLog(Path folder, String name) {
    file = folder.resolve(name + ".log");
    try {
      Files.createDirectories(folder);
      Files.writeString(file, "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  synchronized void say(String text) {
    try {
      Files.writeString(file, LocalTime.now().truncatedTo(ChronoUnit.MILLIS) + "  " + text + "\n",
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void say(Throwable thrown) {
    StringWriter trace = new StringWriter();
    thrown.printStackTrace(new PrintWriter(trace));
    say(trace.toString());
  }
}
