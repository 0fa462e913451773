package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.KaldiTable;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.TextVector;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;

/** Joins what the stages before wrote about an utterance. */
record RowSource(Map<String, String> utt2embedding, Map<String, String> spk2embedding, Map<String, String> tokens) {

  static RowSource open(RunLayout layout, String split) throws IOException {
    return new RowSource(KaldiTable.read(layout.utt2embedding(split), KaldiTable.Value.REQUIRED),
        KaldiTable.read(layout.spk2embedding(split), KaldiTable.Value.REQUIRED),
        KaldiTable.read(layout.utt2speechToken(split), KaldiTable.Value.REQUIRED));
  }

  /** @throws Unusable when the utterance has no tokens or embedding, or the tokens are out of order */
  UtteranceRow row(Utterance u) throws IOException {
    String line = tokens.get(u.utt());
    if (line == null) {
      throw new Unusable(RejectReason.NO_TOKENS, "it is shorter than a group of tokens");
    }
    long[] flat = Arrays.stream(line.split(" ")).mapToLong(Long::parseLong).toArray();
    DualCodebook.validate(flat);
    String embedding = utt2embedding.get(u.utt());
    String mean = spk2embedding.get(u.spk());
    if (embedding == null || mean == null) {
      throw new Unusable(RejectReason.BAD_EMBEDDING, "it has no speaker embedding");
    }
    return new UtteranceRow(u.utt(), u.audioData(), u.wav().toString(), u.text(), u.spk(), TextVector.read(embedding),
        TextVector.read(mean), flat);
  }
}
