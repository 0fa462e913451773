package dev.flowtraining.trainer.export;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A file that a run gives to others.
 *
 * @param path relative to the run directory
 */
record Artifact(String name, String path, long bytes, String sha256) {

  static Artifact of(Path runDir, Path file) throws IOException {
    return new Artifact(file.getFileName().toString(), runDir.relativize(file).toString(), Files.size(file),
        sha256(file));
  }

  /** What {@code sha256sum} prints. */
  private static String sha256(Path file) throws IOException {
    try (DigestInputStream in =
        new DigestInputStream(Files.newInputStream(file), MessageDigest.getInstance("SHA-256"))) {
      in.transferTo(OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(in.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
