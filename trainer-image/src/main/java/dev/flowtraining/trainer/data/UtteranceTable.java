package dev.flowtraining.trainer.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Computes one text value per utterance, on all cores, in parts that each survive a kill: {@code NAME.parts-HASH/00000}
 * and so on beside the result, joined and removed at the end. Same input, same bytes, whatever the number of threads.
 */
public final class UtteranceTable {
  private static final int PART = 500;

  private UtteranceTable() {}

  /** One utterance's value; null leaves the utterance out. */
  @FunctionalInterface
  public interface Extractor {
    String value(Utterance utterance) throws IOException;
  }

  /**
   * @param hash of all that determines the values: parts of another hash are not continued
   * @return the whole table, in the order of {@code utterances}
   */
  public static Map<String, String> write(Path file, String hash, List<Utterance> utterances, Extractor extractor,
      Workers workers, Tally tally) throws IOException, InterruptedException {
    Path parts = file.resolveSibling(file.getFileName() + ".parts-" + hash.substring(0, 12));
    removeOthers(file, parts);
    int count = (utterances.size() + PART - 1) / PART;
    for (int p = 0; p < count; p++) {
      Path part = parts.resolve("%05d".formatted(p));
      List<Utterance> mine = utterances.subList(p * PART, Math.min(utterances.size(), (p + 1) * PART));
      if (Files.exists(part)) {
        tally.add(mine.size(), file.getFileName().toString());
        continue;
      }
      Map<String, String> values = new LinkedHashMap<>();
      workers.map(mine, extractor::value, (u, value) -> {
        if (value != null) {
          values.put(u.utt(), value);
        }
        tally.add(1, file.getFileName().toString());
      });
      KaldiTable.write(part, values);
    }
    Map<String, String> table = new LinkedHashMap<>();
    for (int p = 0; p < count; p++) {
      table.putAll(KaldiTable.read(parts.resolve("%05d".formatted(p)), KaldiTable.Value.REQUIRED));
    }
    KaldiTable.write(file, table);
    remove(parts);
    return table;
  }

  private static void removeOthers(Path file, Path keep) throws IOException {
    Files.createDirectories(keep);
    try (Stream<Path> siblings = Files.list(file.toAbsolutePath().getParent())) {
      for (Path p : siblings.filter(p -> p.getFileName().toString().startsWith(file.getFileName() + ".parts-"))
          .filter(p -> !p.getFileName().equals(keep.getFileName())).toList()) {
        remove(p);
      }
    }
  }

  private static void remove(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(p);
      }
    }
  }
}
