package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.RunLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** Keeps what was trained before: nothing of it is resumed from, averaged or reported any more, and nothing is lost. */
final class Aside {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss.SSS'Z'").withZone(ZoneOffset.UTC);

  private Aside() {}

  /** @return where it is now */
  static Path move(RunLayout layout) throws IOException {
    Path experiment = layout.experiment();
    Path aside = experiment.resolveSibling(experiment.getFileName() + ".before-" + TIME.format(Instant.now()));
    Files.move(experiment, aside);
    Files.createDirectories(experiment);
    return aside;
  }
}
