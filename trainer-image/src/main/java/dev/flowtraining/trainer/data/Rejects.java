package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The utterances of one split that a stage leaves out. */
public final class Rejects {
  private final Path file;
  private final List<Reject> all = new ArrayList<>();

  /** @param file where they are listed, one {@code utterance reason detail} a line */
  public Rejects(Path file) {
    this.file = file;
  }

  public void add(Reject reject) {
    all.add(reject);
  }

  public int size() {
    return all.size();
  }

  public void write() throws IOException {
    Map<String, String> lines = new LinkedHashMap<>();
    all.forEach(r -> lines.put(r.utt(), r.line()));
    KaldiTable.write(file, lines);
  }

  public Map<String, Integer> byReason() {
    Map<String, Integer> counts = new TreeMap<>();
    all.forEach(r -> counts.merge(r.reason().id(), 1, Integer::sum));
    return counts;
  }

  /**
   * Writes the list, then looks whether too much is on it.
   *
   * @param fraction {@code prepare_conf.max_reject_fraction}
   * @param utterances of the split, the rejected ones too
   * @throws StageFailure 64 {@code TooManyRejects}
   */
  public void write(double fraction, int utterances) throws IOException {
    write();
    if (all.size() > fraction * utterances) {
      throw new StageFailure(ExitCode.BAD_DATA, "TooManyRejects", all.size() + " of " + utterances
          + " utterances were rejected (" + reasons() + "), more than prepare_conf.max_reject_fraction " + fraction
          + "; " + file + " lists each with its reason, such as '" + commonest() + "'; mend or remove them, or raise"
          + " prepare_conf.max_reject_fraction to go on without them");
    }
  }

  private String reasons() {
    return byReason().entrySet().stream().sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
        .map(e -> e.getKey() + " " + e.getValue()).collect(Collectors.joining(", "));
  }

  /** The first that was rejected for the reason that most were. */
  private String commonest() {
    Map<String, Integer> counts = byReason();
    Reject first = all.stream().max(Comparator.comparingInt(r -> counts.get(r.reason().id()))).orElseThrow();
    return first.utt() + " " + first.line();
  }
}
