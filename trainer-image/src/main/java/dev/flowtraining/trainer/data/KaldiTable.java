package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.WholeFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;

/** Kaldi's text tables: a key, white space, the value, one entry a line. */
public final class KaldiTable {
  /** The order of {@code LC_ALL=C sort}, which Kaldi expects: by bytes. */
  public static final Comparator<String> ORDER =
      (a, b) -> Arrays.compareUnsigned(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));

  private KaldiTable() {}

  /** What may follow a line's key. */
  public enum Value { REQUIRED, MAY_BE_EMPTY, ONE_WORD }

  /**
   * Reads a whole table, in the order of the file.
   *
   * @throws StageFailure 64 {@code MalformedLine} with file:line, 64 {@code DuplicateUtterance}
   */
  public static Map<String, String> read(Path file, Value value) throws IOException {
    Map<String, String> table = new LinkedHashMap<>();
    String[] lines = text(file).split("\n", -1);
    // a text file ends with a line feed, so the piece after the last one is no line
    int count = lines[lines.length - 1].isEmpty() ? lines.length - 1 : lines.length;
    for (int i = 0; i < count; i++) {
      String line = lines[i].strip();
      String[] parts = line.split("[ \t]+", 2);
      if (line.isEmpty()) {
        throw malformed(file, i, "is blank; remove the line");
      }
      if (parts.length < 2 && value != Value.MAY_BE_EMPTY) {
        throw malformed(file, i, "has only '" + line + "'; it must be: key, space, value");
      }
      if (value == Value.ONE_WORD && parts[1].chars().anyMatch(Character::isWhitespace)) {
        throw malformed(file, i, "names '" + parts[1] + "', which has a blank in it; write it as one word, such as '"
            + parts[1].replaceAll("\\s+", "_") + "'");
      }
      if (table.putIfAbsent(parts[0], parts.length < 2 ? "" : parts[1]) != null) {
        throw new StageFailure(ExitCode.BAD_DATA, "DuplicateUtterance",
            file + ":" + (i + 1) + " repeats '" + parts[0] + "'; every key must be unique, so rename or remove one");
      }
    }
    return table;
  }

  private static String text(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text; // a byte order mark, as some editors write it
    } catch (CharacterCodingException e) {
      int line = 0;
      for (String piece : new String(bytes, StandardCharsets.ISO_8859_1).split("\n", -1)) {
        try {
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(piece.getBytes(StandardCharsets.ISO_8859_1)));
        } catch (CharacterCodingException here) {
          break;
        }
        line++;
      }
      throw malformed(file, line, "is not UTF-8; convert the file");
    }
  }

  private static StageFailure malformed(Path file, int index, String what) {
    return new StageFailure(ExitCode.BAD_DATA, "MalformedLine", file + ":" + (index + 1) + " " + what);
  }

  /** Writes a table sorted by key; the file is there whole or not at all. */
  public static void write(Path file, Map<String, String> table) throws IOException {
    WholeFile.write(file, channel -> {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
      for (String key : table.keySet().stream().sorted(ORDER).toList()) {
        out.write((key + " " + table.get(key) + "\n").getBytes(StandardCharsets.UTF_8));
      }
      out.flush();
    });
  }
}
