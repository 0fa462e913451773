package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.Mel;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;

/** The Parquet files of the training set, ours and CosyVoice's. A row group is what is read and held at a time. */
public final class ParquetFile {

  /**
   * How a file is laid out.
   *
   * @param rowGroupBytes a row group is closed at about so many bytes; readers hold whole ones
   * @param compression snappy, zstd or uncompressed
   */
  public record Layout(long rowGroupBytes, String compression) {
    /** What the presets say. */
    public static final Layout DEFAULT = new Layout(16L << 20, "snappy");

    CompressionCodecName codec() {
      return CompressionCodecName.valueOf(compression.toUpperCase(Locale.ROOT));
    }
  }

  /**
   * A row group is read into buffers of so many bytes. The collector treats an object of half a heap region, 512 KiB in
   * a heap of 1 GiB, as a special case: the regions that such objects fill are missing when it copies what is live.
   */
  private static final int PIECE = 1 << 18;

  private ParquetFile() {}

  /** Writes all rows. The bytes depend on the rows only. */
  public static void write(Path file, List<UtteranceRow> rows) throws IOException {
    try (Writer writer = create(file, Layout.DEFAULT)) {
      for (UtteranceRow row : rows) {
        writer.write(row);
      }
      writer.finish();
    }
  }

  /** A file to be written row by row; a row group is in memory at a time. */
  public static Writer create(Path file, Layout layout) throws IOException {
    return new Writer(file, layout);
  }

  /** Writes to a temporary name; {@link #finish} makes it the file, without it nothing is left. Not thread-safe. */
  public static final class Writer implements AutoCloseable {
    private final Path file;
    private final Path temporary;
    private final ParquetWriter<UtteranceRow> writer;
    private boolean closed;

    private Writer(Path file, Layout layout) throws IOException {
      this.file = file;
      temporary = file.resolveSibling(file.getFileName() + ".tmp");
      Files.deleteIfExists(temporary);
      writer = new RowWriter.Builder(new LocalOutputFile(temporary))
          .withConf(new PlainParquetConfiguration())
          .withCodecFactory(new Codecs())
          .withCompressionCodec(layout.codec())
          .withRowGroupSize(layout.rowGroupBytes())
          // no two of these are equal: a dictionary of them would only be thrown away
          .withDictionaryEncoding("utt", false)
          .withDictionaryEncoding("audio_data", false)
          .withDictionaryEncoding("wav", false)
          .withDictionaryEncoding("utt_embedding.list.element", false)
          // rows are large: without this a page, and a row group, would hold at least a hundred of them
          .withMinRowCountForPageSizeCheck(1)
          .build();
    }

    public void write(UtteranceRow row) throws IOException {
      writer.write(row);
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

  /** The rows of each row group, from the footer. */
  public static int[] rowGroups(Path file) throws IOException {
    try (Rows in = open(file)) {
      return in.reader.getRowGroups().stream().mapToInt(g -> Math.toIntExact(g.getRowCount())).toArray();
    }
  }

  /** The rows of one row group. */
  public static List<UtteranceRow> readRowGroup(Path file, int index) throws IOException {
    List<UtteranceRow> rows = new ArrayList<>();
    try (Rows in = open(file)) {
      in.begin(index);
      while (in.left > 0) {
        rows.add(in.next());
      }
    }
    return rows;
  }

  /** Rows one after the other; a compressed row group and a page of each column are in memory at a time. */
  public static Rows open(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound", file + " is not there; run the stage parquet again");
    }
    return new Rows(file);
  }

  /** An open file. Not thread-safe. */
  public static final class Rows implements AutoCloseable {
    private final Path file;
    private final ParquetFileReader reader;
    private final MessageType columns;
    private RecordReader<Group> group;
    private int upcoming;
    private long left;

    private Rows(Path file) throws IOException {
      this.file = file;
      var options = ParquetReadOptions.builder(new PlainParquetConfiguration()).withCodecFactory(new Codecs())
          .withMaxAllocationInBytes(PIECE).build();
      try {
        reader = ParquetFileReader.open(new LocalInputFile(file), options);
      } catch (RuntimeException e) {
        throw unreadable(e);
      }
      String mel = reader.getFileMetaData().getKeyValueMetaData().getOrDefault(RowSchema.MEL, Mel.SETTINGS);
      if (!mel.equals(Mel.SETTINGS)) {
        reader.close();
        throw new StageFailure(ExitCode.BAD_DATA, "ParquetForAnotherMel", file + " was cut for the mel of " + mel
            + ", not of " + Mel.SETTINGS + "; run the stage parquet again");
      }
      MessageType schema = reader.getFileMetaData().getSchema();
      Set<String> missing = RowSchema.missing(schema);
      if (!missing.isEmpty()) {
        reader.close();
        throw new StageFailure(ExitCode.BAD_DATA, "ParquetColumnsMissing", file + " lacks the columns " + missing);
      }
      columns = RowSchema.projection(schema);
      reader.setRequestedSchema(columns);
    }

    /** @return the next row, or null at the end */
    public UtteranceRow next() throws IOException {
      try {
        while (left == 0) {
          if (upcoming == reader.getRowGroups().size()) {
            return null;
          }
          begin(upcoming);
        }
        left--;
        return RowSchema.row(group.read());
      } catch (IOException | RuntimeException e) {
        throw unreadable(e);
      }
    }

    private void begin(int index) throws IOException {
      try {
        upcoming = index + 1;
        left = 0;
        if (reader.getRowGroups().get(index).getRowCount() == 0) {
          return;
        }
        PageReadStore pages = reader.readRowGroup(index);
        group = new ColumnIOFactory().getColumnIO(columns).getRecordReader(pages, new GroupRecordConverter(columns));
        left = pages.getRowCount();
      } catch (IOException | RuntimeException e) {
        throw unreadable(e);
      }
    }

    private StageFailure unreadable(Exception e) {
      return e instanceof StageFailure known ? known : new StageFailure(ExitCode.BAD_DATA, "UnreadableParquet",
          file + " is no Parquet file of this kind, or is damaged (" + e.getMessage() + ")", e);
    }

    @Override
    public void close() throws IOException {
      reader.close();
    }
  }
}
