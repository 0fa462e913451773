package dev.flowtraining.trainer;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 over a sequence of values; each is preceded by its length, so that no two sequences run together. */
public final class InputHash {
  private final MessageDigest digest;

  private InputHash() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  public static InputHash start() {
    return new InputHash();
  }

  /** Adds the text of a value; records and lists of plain values have a text that is stable. */
  public InputHash add(Object value) {
    byte[] bytes = String.valueOf(value).getBytes(StandardCharsets.UTF_8);
    digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
    digest.update(bytes);
    return this;
  }

  /** Adds a file's content. */
  public InputHash file(Path path) throws IOException {
    add(Files.size(path));
    read(path);
    return this;
  }

  private void read(Path path) throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
  }

  public String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }

  /** The SHA-256 of a file's content alone, as {@code sha256sum} prints it. */
  public static String ofFile(Path path) throws IOException {
    InputHash hash = start();
    hash.read(path);
    return hash.hex();
  }
}
