package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.data.DualCodebook;
import dev.flowtraining.trainer.data.Reject;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.TextVector;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** Joins what the stages before wrote about an utterance; their tables stay on disk. */
record RowSource(SortedTable utt2embedding, SortedTable withoutEmbedding, SortedTable spk2embedding, SortedTable tokens,
    SortedTable withoutTokens, AtomicReference<Speaker> latest) implements AutoCloseable {

  /** Utterances of a speaker mostly stand together: a mean is read once for all of them. */
  private record Speaker(String name, double[] mean) {}

  static RowSource open(RunLayout layout, String split) throws IOException {
    return new RowSource(SortedTable.open(layout.utt2embedding(split)),
        SortedTable.open(layout.rejects(split, Stage.SPEAKER_EMBEDDING)),
        SortedTable.open(layout.spk2embedding(split)), SortedTable.open(layout.utt2speechToken(split)),
        SortedTable.open(layout.rejects(split, Stage.SPEECH_TOKENS)), new AtomicReference<>());
  }

  /** @throws Unusable when a stage before has left the utterance out, or its tokens are out of order */
  UtteranceRow row(Utterance u) throws IOException {
    String embedding = value(u, utt2embedding, withoutEmbedding, RejectReason.BAD_EMBEDDING);
    String line = value(u, tokens, withoutTokens, RejectReason.NO_TOKENS);
    long[] flat = Arrays.stream(line.split(" ")).mapToLong(Long::parseLong).toArray();
    DualCodebook.validate(flat);
    return new UtteranceRow(u.utt(), u.audioData(), u.wav().toString(), u.text(), u.spk(),
        TextVector.read(embedding), mean(u.spk()), flat);
  }

  private double[] mean(String name) throws Unusable {
    Speaker speaker = latest.get();
    if (speaker == null || !speaker.name.equals(name)) {
      speaker = new Speaker(name, TextVector.read(spk2embedding.get(name)
          .orElseThrow(() -> new Unusable(RejectReason.BAD_EMBEDDING, "its speaker " + name + " has no embedding"))));
      latest.set(speaker);
    }
    return speaker.mean;
  }

  /** The value, or the reason why the stage that makes it has left the utterance out. */
  private static String value(Utterance u, SortedTable table, SortedTable rejects, RejectReason unknown)
      throws Unusable {
    Optional<String> value = table.get(u.utt());
    if (value.isEmpty()) {
      Reject reject = rejects.get(u.utt()).map(line -> Reject.of(u.utt(), line))
          .orElse(new Reject(u.utt(), unknown, "it is in no table of the stage before"));
      throw new Unusable(reject.reason(), reject.detail());
    }
    return value.get();
  }

  @Override
  public void close() {
    List.of(utt2embedding, withoutEmbedding, spk2embedding, tokens, withoutTokens).forEach(SortedTable::close);
  }
}
