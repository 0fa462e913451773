package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.validate.Check.Severity;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Writes every finding to a file, one a line with tabs, and keeps counts and the first few of each kind. */
final class Findings implements AutoCloseable {
  static final int EXAMPLES = 10;

  private final Path file;
  private final Path temporary;
  private final BufferedWriter out;
  private final Map<Check, Integer> counts = new EnumMap<>(Check.class);
  private final Map<Check, List<Finding>> examples = new EnumMap<>(Check.class);
  private final Map<Severity, List<Finding>> first = new EnumMap<>(Severity.class);

  Findings(Path file) throws IOException {
    this.file = file;
    Files.createDirectories(file.toAbsolutePath().getParent());
    temporary = file.resolveSibling(file.getFileName() + ".tmp");
    out = Files.newBufferedWriter(temporary);
    out.write("severity\tcheck\tsplit\tsubject\tfound\n");
  }

  void add(Finding finding) throws IOException {
    Check check = finding.check();
    counts.merge(check, 1, Integer::sum);
    keep(examples.computeIfAbsent(check, c -> new ArrayList<>()), finding);
    keep(first.computeIfAbsent(check.severity(), s -> new ArrayList<>()), finding);
    out.write(String.join("\t", check.severity().word(), check.id(), finding.split(), oneLine(finding.subject()),
        oneLine(finding.message())) + "\n");
  }

  private static void keep(List<Finding> list, Finding finding) {
    if (list.size() < EXAMPLES) {
      list.add(finding);
    }
  }

  private static String oneLine(String text) {
    return text.replaceAll("[\\s\\p{Cntrl}]+", " ");
  }

  /** How many of each kind, errors first. */
  Map<Check, Integer> counts() {
    return counts;
  }

  int count(Severity severity) {
    return counts.entrySet().stream().filter(e -> e.getKey().severity() == severity).mapToInt(Map.Entry::getValue).sum();
  }

  List<Finding> examples(Check check) {
    return examples.getOrDefault(check, List.of());
  }

  /** The first findings of a severity, in the order of the data. */
  List<Finding> first(Severity severity) {
    return first.getOrDefault(severity, List.of());
  }

  Path file() {
    return file;
  }

  /** Makes the list the file. */
  void finish() throws IOException {
    out.close();
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void close() throws IOException {
    out.close();
    Files.deleteIfExists(temporary);
  }
}
