package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.data.ExampleLoader;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
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
  record Written(Map<String, Integer> frames, Map<String, String> dropped) {}

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

  Path file(Path folder) {
    return folder.resolve("parquet_%09d.tar".formatted(number));
  }

  private Path list(Path folder) {
    return folder.resolve("rows_%09d".formatted(number));
  }

  /**
   * Writes the file unless it is there, then its list {@code utt frames} or {@code utt - reason}.
   *
   * @return utterances that were dealt with
   */
  int write(Path folder, RowSource source) throws IOException {
    if (Files.exists(list(folder))) {
      return utterances.size();
    }
    StringBuilder list = new StringBuilder();
    try (ParquetFile.Writer writer = ParquetFile.create(file(folder))) {
      boolean some = false;
      for (Utterance u : utterances) {
        try {
          UtteranceRow row = source.row(u);
          list.append(u.utt()).append(' ').append(frames(row)).append('\n');
          writer.write(row);
          some = true;
        } catch (Unusable e) {
          list.append(u.utt()).append(" - ").append(e.reason().id()).append('\n');
        }
      }
      if (some) {
        writer.finish();
      }
    }
    WholeFile.text(list(folder), list.toString());
    return utterances.size();
  }

  private static int frames(UtteranceRow row) throws Unusable {
    AudioFile.Length length = AudioFile.of(row.audioData()).length();
    int frames = ExampleLoader.frames(length.samples(), length.rate(), row.speechToken().length);
    if (frames == 0) {
      throw new Unusable(RejectReason.TOO_SHORT, "it is shorter than a group of tokens");
    }
    return frames;
  }

  Written written(Path folder) throws IOException {
    Map<String, Integer> frames = new LinkedHashMap<>();
    Map<String, String> dropped = new LinkedHashMap<>();
    for (String line : Files.readAllLines(list(folder))) {
      String[] parts = line.split(" ");
      if (parts[1].equals("-")) {
        dropped.put(parts[0], parts[2]);
      } else {
        frames.put(parts[0], Integer.parseInt(parts[1]));
      }
    }
    return new Written(frames, dropped);
  }
}
