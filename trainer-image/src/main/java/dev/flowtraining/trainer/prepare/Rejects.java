package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.KaldiTable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The utterances of one split that are left out. */
final class Rejects {
  private final Path file;
  private final List<Reject> all = new ArrayList<>();

  /** @param file where they are listed, one {@code utterance reason detail} a line */
  Rejects(Path file) {
    this.file = file;
  }

  void add(Reject reject) {
    all.add(reject);
  }

  int size() {
    return all.size();
  }

  void write() throws IOException {
    Map<String, String> lines = new LinkedHashMap<>();
    all.forEach(r -> lines.put(r.utt(), r.reason().id() + " " + r.detail().replaceAll("\\s+", " ")));
    KaldiTable.write(file, lines);
  }

  Map<String, Integer> byReason() {
    Map<String, Integer> counts = new TreeMap<>();
    all.forEach(r -> counts.merge(r.reason().id(), 1, Integer::sum));
    return counts;
  }

  /** @throws StageFailure 64 {@code TooManyRejects} */
  void requireAtMost(double fraction, int utterances) {
    if (all.size() > fraction * utterances) {
      String reasons = byReason().entrySet().stream().map(e -> e.getKey() + " " + e.getValue())
          .collect(Collectors.joining(", "));
      throw new StageFailure(ExitCode.BAD_DATA, "TooManyRejects", all.size() + " of " + utterances
          + " utterances were rejected (" + reasons + "), more than prepare_conf.max_reject_fraction " + fraction
          + "; each is listed in " + file);
    }
  }
}
