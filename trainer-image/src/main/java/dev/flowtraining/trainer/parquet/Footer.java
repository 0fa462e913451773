package dev.flowtraining.trainer.parquet;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;

/**
 * A Parquet file's footer, made the same every time. The library lists a column's encodings in the order of identity
 * hashes, which change from process to process; equal rows would give files that differ in a few bytes.
 */
final class Footer {
  /** Length of the footer, then "PAR1". */
  private static final int TAIL = 8;

  private Footer() {}

  static void sortEncodings(FileChannel file) throws IOException {
    ByteBuffer tail = read(file, file.size() - TAIL, TAIL);
    int length = tail.getInt(0);
    long start = file.size() - TAIL - length;
    FileMetaData footer = Util.readFileMetaData(new ByteArrayInputStream(read(file, start, length).array()));
    for (RowGroup group : footer.getRow_groups()) {
      for (ColumnChunk column : group.getColumns()) {
        List<Encoding> encodings = new ArrayList<>(column.getMeta_data().getEncodings());
        encodings.sort(Comparator.comparingInt(Encoding::getValue));
        column.getMeta_data().setEncodings(encodings);
      }
    }
    ByteArrayOutputStream sorted = new ByteArrayOutputStream(length);
    Util.writeFileMetaData(footer, sorted);
    ByteBuffer out = ByteBuffer.allocate(sorted.size() + TAIL).order(ByteOrder.LITTLE_ENDIAN)
        .put(sorted.toByteArray()).putInt(sorted.size()).putInt(tail.getInt(4)).flip();
    file.truncate(start);
    file.position(start);
    while (out.hasRemaining()) {
      file.write(out);
    }
  }

  private static ByteBuffer read(FileChannel file, long position, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (file.read(buffer, position + buffer.position()) < 0) {
        throw new IOException("the file ends inside its footer");
      }
    }
    return buffer.flip();
  }
}
