package dev.flowtraining.trainer.speaker;

import dev.flowtraining.trainer.data.KaldiTable;
import dev.flowtraining.trainer.data.TextVector;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** The unnormalised mean over each speaker's utterances, as upstream computes it. Holds a sum per speaker. */
final class SpeakerMeans {

  private static final class Sum {
    private final double[] values = new double[SpeakerEncoder.SIZE];
    private int utterances;
  }

  private final Map<String, Sum> bySpeaker = new HashMap<>();

  /** The order of the utterances counts: sums of doubles are rounded. */
  void add(String spk, double[] embedding) {
    Sum sum = bySpeaker.computeIfAbsent(spk, s -> new Sum());
    for (int i = 0; i < sum.values.length; i++) {
      sum.values[i] += embedding[i];
    }
    sum.utterances++;
  }

  int speakers() {
    return bySpeaker.size();
  }

  void write(Path file) throws IOException {
    KaldiTable.write(file, bySpeaker.keySet(), spk -> {
      Sum sum = bySpeaker.get(spk);
      float[] mean = new float[sum.values.length];
      for (int i = 0; i < mean.length; i++) {
        mean[i] = (float) (sum.values[i] / sum.utterances);
      }
      return TextVector.write(mean);
    });
  }
}
