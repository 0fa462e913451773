package dev.flowtraining.trainer.export;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.data.Example;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a split holds after all filters, and what was left out on the way.
 *
 * @param seconds of each utterance, ascending
 * @param speakers 0 when the run does not say
 * @param rejects by reason
 */
record DataSummary(String split, double[] seconds, int speakers, Map<String, Integer> rejects) {

  static DataSummary of(RunLayout layout, String split) throws IOException {
    Map<String, String> frames = lines(layout.dataList(split).resolveSibling("utt2num_frames"));
    double[] seconds = frames.values().stream().mapToDouble(Double::parseDouble).filter(f -> f > 0)
        .map(f -> f / Example.FRAMES_PER_SECOND).sorted().toArray();
    Map<String, String> speakerOf = lines(layout.data(split).resolve("utt2spk"));
    Set<String> speakers = new HashSet<>();
    frames.entrySet().stream().filter(f -> Double.parseDouble(f.getValue()) > 0).map(Map.Entry::getKey)
        .forEach(utt -> speakers.add(speakerOf.getOrDefault(utt, "")));
    speakers.remove("");
    Map<String, Integer> rejects = new TreeMap<>();
    for (Stage stage : List.of(Stage.PREPARE_DATA, Stage.SPEAKER_EMBEDDING, Stage.SPEECH_TOKENS, Stage.PARQUET)) {
      lines(layout.rejects(split, stage)).values()
          .forEach(line -> rejects.merge(line.split("\\s+", 2)[0], 1, Integer::sum));
    }
    return new DataSummary(split, seconds, speakers.size(), rejects);
  }

  double hours() {
    return Arrays.stream(seconds).sum() / 3600;
  }

  /** @param part 0 the shortest, 1 the longest */
  double quantile(double part) {
    return seconds.length == 0 ? Double.NaN : seconds[(int) Math.round(part * (seconds.length - 1))];
  }

  int rejected() {
    return rejects.values().stream().mapToInt(n -> n).sum();
  }

  /** The rest of each line by its first word; nothing when there is no such file. */
  private static Map<String, String> lines(Path file) throws IOException {
    Map<String, String> lines = new TreeMap<>();
    if (Files.isRegularFile(file)) {
      for (String line : Files.readAllLines(file)) {
        String[] parts = line.strip().split("\\s+", 2);
        if (parts.length == 2) {
          lines.put(parts[0], parts[1]);
        }
      }
    }
    return lines;
  }
}
