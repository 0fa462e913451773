package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/**
 * The Parquet files of the training set: the schema that CosyVoice's {@code make_parquet_list.py} writes through
 * pandas, snappy, three-level lists. Reads files of either writer; other columns, such as {@code instruct}, are passed
 * over.
 */
public final class ParquetFile {
  /** pyarrow and we write one row group per file; only a file beyond this many bytes gets more. */
  private static final long ROW_GROUP_BYTES = 512L << 20;
  private static final MessageType SCHEMA = Types.buildMessage()
      .addFields(text("utt"), Types.optional(PrimitiveTypeName.BINARY).named("audio_data"), text("wav"), text("text"),
          text("spk"), list("utt_embedding", PrimitiveTypeName.DOUBLE), list("spk_embedding", PrimitiveTypeName.DOUBLE),
          list("speech_token", PrimitiveTypeName.INT64))
      .named("schema");

  private ParquetFile() {}

  private static Type text(String name) {
    return Types.optional(PrimitiveTypeName.BINARY).as(LogicalTypeAnnotation.stringType()).named(name);
  }

  private static Type list(String name, PrimitiveTypeName element) {
    return Types.optionalList().optionalElement(element).named(name);
  }

  /** Writes all rows. The bytes depend on the rows only. */
  public static void write(Path file, List<UtteranceRow> rows) throws IOException {
    try (Writer writer = create(file)) {
      for (UtteranceRow row : rows) {
        writer.write(row);
      }
      writer.finish();
    }
  }

  /** A file to be written row by row. */
  public static Writer create(Path file) throws IOException {
    return new Writer(file);
  }

  /** Writes to a temporary name; {@link #finish} makes it the file, without it nothing is left. Not thread-safe. */
  public static final class Writer implements AutoCloseable {
    private final Path file;
    private final Path temporary;
    private final ParquetWriter<Group> writer;
    private boolean closed;

    private Writer(Path file) throws IOException {
      this.file = file;
      temporary = file.resolveSibling(file.getFileName() + ".tmp");
      Files.deleteIfExists(temporary);
      writer = ExampleParquetWriter.builder(new LocalOutputFile(temporary))
          .withType(SCHEMA)
          .withConf(new PlainParquetConfiguration())
          .withCodecFactory(new Codecs())
          .withCompressionCodec(CompressionCodecName.SNAPPY)
          .withRowGroupSize(ROW_GROUP_BYTES)
          // no two recordings are equal: a dictionary of them would only be thrown away
          .withDictionaryEncoding("audio_data", false)
          // rows are large: without this a page would hold at least a hundred of them
          .withMinRowCountForPageSizeCheck(1)
          .build();
    }

    public void write(UtteranceRow row) throws IOException {
      writer.write(group(row));
    }

    public void finish() throws IOException {
      writer.close();
      closed = true;
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.READ,
          StandardOpenOption.WRITE)) {
        Footer.sortEncodings(channel);
        channel.force(true);
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() throws IOException {
      if (!closed) {
        writer.close();
      }
      Files.deleteIfExists(temporary);
    }
  }

  /** All rows, in the order of the file. */
  public static List<UtteranceRow> read(Path file) throws IOException {
    List<UtteranceRow> rows = new ArrayList<>();
    try (Rows in = open(file)) {
      for (UtteranceRow row = in.next(); row != null; row = in.next()) {
        rows.add(row);
      }
    }
    return rows;
  }

  /** Rows one after the other; a page of each column is in memory at a time, beside the compressed row group. */
  public static Rows open(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound", file + " is not there; run the stage parquet again");
    }
    return new Rows(file, new Reading(file).build());
  }

  /** An open file. Not thread-safe. */
  public static final class Rows implements AutoCloseable {
    private final Path file;
    private final ParquetReader<Group> reader;

    private Rows(Path file, ParquetReader<Group> reader) {
      this.file = file;
      this.reader = reader;
    }

    /** @return the next row, or null at the end */
    public UtteranceRow next() throws IOException {
      try {
        Group group = reader.read();
        return group == null ? null : row(group);
      } catch (StageFailure e) {
        throw e;
      } catch (RuntimeException e) {
        throw new StageFailure(ExitCode.BAD_DATA, "UnreadableParquet",
            file + " is no Parquet file of this kind, or is damaged (" + e.getMessage() + ")", e);
      }
    }

    private UtteranceRow row(Group g) {
      Set<String> missing = new TreeSet<>(SCHEMA.getFields().stream().map(Type::getName).toList());
      g.getType().getFields().forEach(f -> missing.remove(f.getName()));
      if (!missing.isEmpty()) {
        throw new StageFailure(ExitCode.BAD_DATA, "ParquetColumnsMissing", file + " lacks the columns " + missing);
      }
      return new UtteranceRow(string(g, "utt"), binary(g, "audio_data").getBytes(), string(g, "wav"), string(g, "text"),
          string(g, "spk"), doubles(g, "utt_embedding"), doubles(g, "spk_embedding"), longs(g, "speech_token"));
    }

    @Override
    public void close() throws IOException {
      reader.close();
    }
  }

  private static Group group(UtteranceRow row) {
    Group g = new SimpleGroup(SCHEMA);
    g.add("utt", row.utt());
    g.add("audio_data", Binary.fromConstantByteArray(row.audioData()));
    g.add("wav", row.wav());
    g.add("text", row.text());
    g.add("spk", row.spk());
    for (String name : List.of("utt_embedding", "spk_embedding")) {
      Group list = g.addGroup(name);
      for (double v : name.startsWith("utt") ? row.uttEmbedding() : row.spkEmbedding()) {
        list.addGroup(0).add(0, v);
      }
    }
    Group list = g.addGroup("speech_token");
    for (long v : row.speechToken()) {
      list.addGroup(0).add(0, v);
    }
    return g;
  }

  private static Binary binary(Group g, String name) {
    return g.getFieldRepetitionCount(name) == 0 ? Binary.EMPTY : g.getBinary(name, 0);
  }

  private static String string(Group g, String name) {
    return binary(g, name).toStringUsingUTF8();
  }

  private static double[] doubles(Group g, String name) {
    if (g.getFieldRepetitionCount(name) == 0) {
      return new double[0];
    }
    Group list = g.getGroup(name, 0);
    double[] values = new double[list.getFieldRepetitionCount(0)];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.getGroup(0, i).getDouble(0, 0);
    }
    return values;
  }

  private static long[] longs(Group g, String name) {
    if (g.getFieldRepetitionCount(name) == 0) {
      return new long[0];
    }
    Group list = g.getGroup(name, 0);
    long[] values = new long[list.getFieldRepetitionCount(0)];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.getGroup(0, i).getLong(0, 0);
    }
    return values;
  }

  private static final class Reading extends ParquetReader.Builder<Group> {
    Reading(Path file) {
      super(new LocalInputFile(file), new PlainParquetConfiguration());
      withCodecFactory(new Codecs());
    }

    @Override
    protected ReadSupport<Group> getReadSupport() {
      return new GroupReadSupport();
    }
  }
}
