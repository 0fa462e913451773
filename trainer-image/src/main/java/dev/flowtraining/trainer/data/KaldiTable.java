package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.WholeFile;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
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
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

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
    return read(file, value, problem -> {
      throw problem;
    });
  }

  /** The same, but a bad line is told and left out; of a key that is repeated the first line counts. */
  public static Map<String, String> read(Path file, Value value, Consumer<StageFailure> problems) throws IOException {
    Map<String, String> table = new LinkedHashMap<>();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      ByteArrayOutputStream line = new ByteArrayOutputStream(1 << 12);
      int index = 0;
      for (int c = in.read(); c >= 0 || line.size() > 0; c = in.read()) {
        if (c >= 0 && c != '\n') {
          line.write(c);
          continue;
        }
        try {
          add(table, text(line, index == 0), file, index, value);
        } catch (CharacterCodingException e) {
          problems.accept(malformed(file, index, "is not UTF-8; convert the file"));
        } catch (StageFailure e) {
          problems.accept(e);
        }
        line.reset();
        index++;
      }
    }
    return table;
  }

  private static String text(ByteArrayOutputStream line, boolean first) throws CharacterCodingException {
    String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(line.toByteArray())).toString();
    return (first && text.startsWith("\uFEFF") ? text.substring(1) : text).strip(); // the mark that some editors write
  }

  private static void add(Map<String, String> table, String line, Path file, int index, Value value) {
    String[] parts = line.split("[ \t]+", 2);
    if (line.isEmpty()) {
      throw malformed(file, index, "is blank; remove the line");
    }
    if (parts.length < 2 && value != Value.MAY_BE_EMPTY) {
      throw malformed(file, index, "has only '" + line + "'; it must be: key, space, value");
    }
    if (value == Value.ONE_WORD && parts[1].chars().anyMatch(Character::isWhitespace)) {
      throw malformed(file, index, "names '" + parts[1] + "', which has a blank in it; write it as one word, such as '"
          + parts[1].replaceAll("\\s+", "_") + "'");
    }
    if (table.putIfAbsent(parts[0], parts.length < 2 ? "" : parts[1]) != null) {
      throw new StageFailure(ExitCode.BAD_DATA, "DuplicateUtterance",
          file + ":" + (index + 1) + " repeats '" + parts[0] + "'; every key must be unique, so rename or remove one");
    }
  }

  private static StageFailure malformed(Path file, int index, String what) {
    return new StageFailure(ExitCode.BAD_DATA, "MalformedLine", file + ":" + (index + 1) + " " + what);
  }

  /** Writes a table sorted by key; the file is there whole or not at all. */
  public static void write(Path file, Map<String, String> table) throws IOException {
    write(file, table.keySet(), table::get);
  }

  /** Like {@link #write(Path, Map)}, for values that are made one by one. */
  public static void write(Path file, Set<String> keys, UnaryOperator<String> value) throws IOException {
    WholeFile.write(file, channel -> {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
      for (String key : keys.stream().sorted(ORDER).toList()) {
        out.write((key + " " + value.apply(key) + "\n").getBytes(StandardCharsets.UTF_8));
      }
      out.flush();
    });
  }
}
