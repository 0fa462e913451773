package dev.flowtraining.trainer.export;

import dev.flowtraining.trainer.InputHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that a run gives to others.
 *
 * @param path relative to the run directory
 */
record Artifact(String name, String path, long bytes, String sha256) {

  static Artifact of(Path runDir, Path file) throws IOException {
    return new Artifact(file.getFileName().toString(), runDir.relativize(file).toString(), Files.size(file),
        InputHash.ofFile(file));
  }
}
