package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
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
   * Splits are judged together: one recording of a small validation set is not too much.
   *
   * @param fraction {@code prepare_conf.max_reject_fraction}
   * @param utterances of these splits, the rejected ones too
   * @throws StageFailure 64 {@code TooManyRejects}
   */
  public static void requireAtMost(double fraction, int utterances, Collection<Rejects> splits) {
    List<Reject> all = splits.stream().flatMap(s -> s.all.stream()).toList();
    if (all.size() <= fraction * utterances) {
      return;
    }
    Map<RejectReason, List<Reject>> byReason = all.stream().collect(Collectors.groupingBy(Reject::reason));
    List<List<Reject>> commonestFirst = byReason.values().stream()
        .sorted(Comparator.comparingInt((List<Reject> r) -> -r.size()).thenComparing(r -> r.getFirst().reason()))
        .toList();
    String reasons = commonestFirst.stream().map(r -> r.getFirst().reason().id() + " " + r.size())
        .collect(Collectors.joining(", "));
    Reject example = commonestFirst.getFirst().getFirst();
    String lists = splits.stream().filter(s -> s.size() > 0).map(s -> s.file.toString())
        .collect(Collectors.joining(" and "));
    throw new StageFailure(ExitCode.BAD_DATA, "TooManyRejects", all.size() + " of " + utterances
        + " utterances were rejected (" + reasons + "), more than prepare_conf.max_reject_fraction " + fraction
        + "; each stands with its reason in " + lists + ", such as '" + example.utt() + " " + example.line()
        + "'; mend or remove them, or raise prepare_conf.max_reject_fraction to go on without them");
  }
}
