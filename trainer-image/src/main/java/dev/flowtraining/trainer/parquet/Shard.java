package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.data.Parts;
import dev.flowtraining.trainer.data.Reject;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
import dev.flowtraining.trainer.data.UtteranceFilter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The utterances of one Parquet file. */
record Shard(int number, List<Utterance> utterances) {

  /** What a file holds: mel frames by utterance, in the order of its rows, and what was left out with the reason. */
  record Written(Map<String, Integer> frames, List<Reject> dropped) {}

  /** Cuts a split into files of about so many bytes of audio, in its order. */
  static List<Shard> plan(List<Utterance> utterances, long bytes) throws IOException {
    List<Shard> shards = new ArrayList<>();
    List<Utterance> current = new ArrayList<>();
    long size = 0;
    for (Utterance u : utterances) {
      long mine = Files.exists(u.wav()) ? Files.size(u.wav()) : 0;
      if (!current.isEmpty() && size + mine > bytes) {
        shards.add(new Shard(shards.size(), current));
        current = new ArrayList<>();
        size = 0;
      }
      current.add(u);
      size += mine;
    }
    shards.add(new Shard(shards.size(), current));
    return shards;
  }

  String file() {
    return "parquet_%09d.tar".formatted(number);
  }

  /** Writes the file, then its list {@code utt frames} or {@code utt - reason detail}, which stands for the part. */
  void write(Parts parts, RowSource source, ParquetFile.Layout layout, UtteranceFilter filter) throws IOException {
    StringBuilder list = new StringBuilder();
    boolean some = false;
    Path draft = parts.draft(file());
    try (ParquetFile.Writer writer = ParquetFile.create(draft, layout)) {
      for (Utterance u : utterances) {
        try {
          UtteranceRow row = source.row(u);
          int frames = filter.frames(row); // before any of the line is in the list: it may refuse the row
          list.append(u.utt()).append(' ').append(frames).append('\n');
          writer.write(row);
          some = true;
        } catch (Unusable e) {
          list.append(u.utt()).append(' ').append(new Reject(u.utt(), e.reason(), e.getMessage()).mark()).append('\n');
        }
      }
      if (some) {
        writer.finish();
      }
    }
    if (some) {
      parts.add(draft);
    }
    Path listDraft = parts.draft(parts.file(number).getFileName().toString());
    WholeFile.text(listDraft, list.toString());
    parts.add(listDraft);
  }

  Written written(Parts parts) throws IOException {
    Map<String, Integer> frames = new LinkedHashMap<>();
    List<Reject> dropped = new ArrayList<>();
    for (String line : Files.readAllLines(parts.file(number))) {
      String[] row = line.split(" ", 2);
      Reject.marked(row[0], row[1])
          .ifPresentOrElse(dropped::add, () -> frames.put(row[0], Integer.parseInt(row[1])));
    }
    return new Written(frames, dropped);
  }
}
