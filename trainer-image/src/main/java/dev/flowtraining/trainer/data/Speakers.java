package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.RunLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Which held-out utterances are by speakers that training hears. */
public final class Speakers {
  private Speakers() {}

  /**
   * By index of the split {@code dev}, as {@link ParquetExamples} counts; empty when the run has no utt2spk of both
   * splits, or Parquet files from elsewhere.
   */
  public static Optional<BitSet> heardInTraining(RunLayout layout) throws IOException {
    Path lengths = layout.parquet("dev").resolve("utt2num_frames");
    Path train = layout.data("train").resolve("utt2spk");
    Path dev = layout.data("dev").resolve("utt2spk");
    if (!Files.isRegularFile(lengths) || !Files.isRegularFile(train) || !Files.isRegularFile(dev)) {
      return Optional.empty();
    }
    Set<String> heard = Set.copyOf(KaldiTable.read(train, KaldiTable.Value.ONE_WORD).values());
    Map<String, String> speakerOf = KaldiTable.read(dev, KaldiTable.Value.ONE_WORD);
    BitSet heardInTraining = new BitSet();
    int index = 0;
    for (Map.Entry<String, String> utt : KaldiTable.read(lengths, KaldiTable.Value.ONE_WORD).entrySet()) {
      if (Integer.parseInt(utt.getValue()) > 0) {
        heardInTraining.set(index++, heard.contains(speakerOf.get(utt.getKey())));
      }
    }
    return Optional.of(heardInTraining);
  }
}
