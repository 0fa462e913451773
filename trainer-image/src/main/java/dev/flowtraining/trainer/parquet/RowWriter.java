package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.audio.Mel;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.conf.ParquetConfiguration;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.RecordConsumer;

/**
 * Hands a row's values to the columns as they are. By way of the library's {@code Group} each number of a list would
 * be three objects first, which took most of the stage's time.
 */
final class RowWriter extends WriteSupport<UtteranceRow> {
  private RecordConsumer out;

  static final class Builder extends ParquetWriter.Builder<UtteranceRow, Builder> {

    Builder(OutputFile file) {
      super(file);
    }

    @Override
    protected Builder self() {
      return this;
    }

    @Override
    protected WriteSupport<UtteranceRow> getWriteSupport(Configuration conf) {
      return new RowWriter();
    }

    @Override
    protected WriteSupport<UtteranceRow> getWriteSupport(ParquetConfiguration conf) {
      return new RowWriter();
    }
  }

  @Override
  public WriteContext init(Configuration conf) {
    return new WriteContext(RowSchema.SCHEMA, Map.of(RowSchema.MEL, Mel.SETTINGS));
  }

  @Override
  public WriteContext init(ParquetConfiguration conf) {
    return new WriteContext(RowSchema.SCHEMA, Map.of(RowSchema.MEL, Mel.SETTINGS));
  }

  @Override
  public void prepareForWrite(RecordConsumer consumer) {
    out = consumer;
  }

  @Override
  public void write(UtteranceRow row) {
    out.startMessage();
    binary("utt", Binary.fromString(row.utt()));
    binary("audio_data", Binary.fromConstantByteArray(row.audioData()));
    binary("wav", Binary.fromString(row.wav()));
    binary("text", Binary.fromString(row.text()));
    binary("spk", Binary.fromString(row.spk()));
    list("utt_embedding", row.uttEmbedding().length, i -> out.addDouble(row.uttEmbedding()[i]));
    list("spk_embedding", row.spkEmbedding().length, i -> out.addDouble(row.spkEmbedding()[i]));
    list("speech_token", row.speechToken().length, i -> out.addLong(row.speechToken()[i]));
    out.endMessage();
  }

  private void binary(String column, Binary value) {
    int index = RowSchema.SCHEMA.getFieldIndex(column);
    out.startField(column, index);
    out.addBinary(value);
    out.endField(column, index);
  }

  @FunctionalInterface
  private interface Element {
    void add(int i);
  }

  /** The three levels of a list: the column, its repeated {@code list}, the {@code element}. */
  private void list(String column, int length, Element element) {
    int index = RowSchema.SCHEMA.getFieldIndex(column);
    out.startField(column, index);
    out.startGroup();
    if (length > 0) {
      out.startField("list", 0);
      for (int i = 0; i < length; i++) {
        out.startGroup();
        out.startField("element", 0);
        element.add(i);
        out.endField("element", 0);
        out.endGroup();
      }
      out.endField("list", 0);
    }
    out.endGroup();
    out.endField(column, index);
  }
}
