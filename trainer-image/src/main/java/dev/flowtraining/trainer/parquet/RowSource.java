package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.TextVector;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/** Joins what the stages before wrote about an utterance; their tables stay on disk. */
record RowSource(SortedTable utt2embedding, SortedTable spk2embedding, SortedTable tokens) implements AutoCloseable {

  static RowSource open(RunLayout layout, String split) throws IOException {
    return new RowSource(SortedTable.open(layout.utt2embedding(split)), SortedTable.open(layout.spk2embedding(split)),
        SortedTable.open(layout.utt2speechToken(split)));
  }

  /** @throws Unusable when the utterance has no tokens or embedding, or the tokens are out of order */
  UtteranceRow row(Utterance u) throws IOException {
    String line = tokens.get(u.utt())
        .orElseThrow(() -> new Unusable(RejectReason.NO_TOKENS, "it is shorter than a group of tokens"));
    long[] flat = Arrays.stream(line.split(" ")).mapToLong(Long::parseLong).toArray();
    DualCodebook.validate(flat);
    Optional<String> embedding = utt2embedding.get(u.utt());
    Optional<String> mean = spk2embedding.get(u.spk());
    if (embedding.isEmpty() || mean.isEmpty()) {
      throw new Unusable(RejectReason.BAD_EMBEDDING, "it has no speaker embedding");
    }
    return new UtteranceRow(u.utt(), u.audioData(), u.wav().toString(), u.text(), u.spk(),
        TextVector.read(embedding.get()), TextVector.read(mean.get()), flat);
  }

  @Override
  public void close() {
    utt2embedding.close();
    spk2embedding.close();
    tokens.close();
  }
}
