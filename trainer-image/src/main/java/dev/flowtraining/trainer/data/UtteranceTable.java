package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.ShardedTask.Share;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.Step;
import dev.flowtraining.trainer.WholeFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * One text value per utterance, computed on all cores in {@link Parts} of a few utterances and joined at the end. Same
 * input, same bytes, whatever the number of threads and shards.
 */
public final class UtteranceTable {
  /** As much work as an interruption may lose, unless there would be too many files. */
  private static final int LEAST = 8;
  private static final int MOST = 500;
  private static final int FILES = 1000;

  private final Path file;
  private final List<Utterance> utterances;
  private final int size;
  private final Parts parts;

  /** One utterance's value. */
  @FunctionalInterface
  public interface Extractor {
    /** @throws Unusable which leaves the utterance out */
    String value(Utterance utterance) throws IOException;
  }

  /**
   * @param hash of all that determines the values
   * @param utterances sorted by name, as stage 0 leaves them
   */
  public UtteranceTable(Path file, String hash, List<Utterance> utterances) {
    this.file = file;
    this.utterances = utterances;
    this.size = Math.clamp((utterances.size() + FILES - 1) / FILES, LEAST, MOST);
    this.parts = new Parts(file, hash, (utterances.size() + size - 1) / size);
  }

  private List<Utterance> part(int p) {
    return utterances.subList(p * size, Math.min(utterances.size(), (p + 1) * size));
  }

  /** How many utterances there are. */
  public int utterances() {
    return utterances.size();
  }

  /** How many utterances a shard has to do. */
  public int share(Step.Shard shard) {
    return parts.of(shard).stream().mapToInt(p -> part(p).size()).sum();
  }

  /** Computes the parts of a shard that are not there. */
  public Share extract(Step.Shard shard, Extractor extractor, Workers workers, Tally tally)
      throws IOException, InterruptedException {
    record Item(int part, Utterance utterance, boolean last) {}
    parts.begin(shard);
    List<Item> items = new ArrayList<>();
    for (int p : parts.of(shard)) {
      if (!Files.exists(parts.file(p))) {
        List<Utterance> mine = part(p);
        for (int i = 0; i < mine.size(); i++) {
          items.add(new Item(p, mine.get(i), i == mine.size() - 1));
        }
      }
    }
    String what = file.getFileName().toString();
    int all = share(shard);
    tally.add(all - items.size(), what);
    // all parts in one go: workers that waited at the end of each part would be idle most of the time
    StringBuilder text = new StringBuilder();
    workers.map(items, item -> value(extractor, item.utterance()), (item, value) -> {
      text.append(item.utterance().utt()).append(' ').append(value).append('\n');
      if (item.last()) {
        Path draft = parts.draft(parts.file(item.part()).getFileName().toString());
        WholeFile.text(draft, text.toString());
        parts.add(draft);
        text.setLength(0);
      }
      tally.add(1, what);
    });
    return new Share(all, all - items.size());
  }

  private static String value(Extractor extractor, Utterance utterance) throws IOException {
    try {
      return extractor.value(utterance);
    } catch (Unusable e) {
      return new Reject(utterance.utt(), e.reason(), e.getMessage()).mark();
    }
  }

  /**
   * Writes the table, one part after the other, and removes what other input left of it.
   *
   * @param rejects is given every utterance that has no value
   * @param each is told every utterance that has a value, in their order
   * @throws StageFailure 66 {@code ShardsMissing}
   */
  public void merge(Stage stage, Progress progress, Rejects rejects, BiConsumer<Utterance, String> each)
      throws IOException {
    parts.requireAll(stage);
    parts.removeOthers(progress);
    WholeFile.write(file, channel -> {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
      for (int p = 0; p * size < utterances.size(); p++) {
        Iterator<Utterance> mine = part(p).iterator();
        for (String line : Files.readAllLines(parts.file(p))) {
          int space = line.indexOf(' ');
          Utterance utterance = named(line.substring(0, Math.max(0, space)), mine, p);
          String value = line.substring(space + 1);
          Optional<Reject> reject = Reject.marked(utterance.utt(), value);
          if (reject.isPresent()) {
            rejects.add(reject.get());
          } else {
            each.accept(utterance, value);
            out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
          }
        }
      }
      out.flush();
    });
  }

  private Utterance named(String utt, Iterator<Utterance> rest, int part) {
    while (rest.hasNext()) {
      Utterance u = rest.next();
      if (u.utt().equals(utt)) {
        return u;
      }
    }
    throw new StageFailure(ExitCode.MISSING, "PartDamaged", parts.file(part) + " names '" + utt
        + "' where it should not; remove the file and run the stage again");
  }
}
