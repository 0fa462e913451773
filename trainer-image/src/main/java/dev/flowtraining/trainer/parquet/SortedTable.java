package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * A Kaldi table as the stages write it, sorted by key and looked up where it lies: the file is mapped, and the heap
 * holds where its lines begin. An embedding is two kilobytes of text, so a table of them may be larger than the heap.
 * Thread-safe.
 */
final class SortedTable implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment text;
  /** Where each line begins, and at the end where the next would. */
  private final long[] starts;

  private SortedTable(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      text = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    }
    starts = lines(text);
    for (int i = 1; i < starts.length - 1; i++) {
      if (Arrays.compareUnsigned(key(i - 1), key(i)) >= 0) {
        close();
        throw new StageFailure(ExitCode.BAD_DATA, "MalformedLine", file + ":" + (i + 1)
            + " is not sorted by key, or repeats one; run the stage that wrote the file again");
      }
    }
  }

  static SortedTable open(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound",
          file + " is not there; run the stage that writes it again");
    }
    return new SortedTable(file);
  }

  private static long[] lines(MemorySegment text) {
    long[] starts = new long[1024];
    int count = 0;
    long size = text.byteSize();
    for (long at = 0; at < size; at++) {
      if (at == 0 || text.get(ValueLayout.JAVA_BYTE, at - 1) == '\n') {
        if (count + 1 == starts.length) {
          starts = Arrays.copyOf(starts, 2 * starts.length);
        }
        starts[count++] = at;
      }
    }
    starts = Arrays.copyOf(starts, count + 1);
    boolean ended = size == 0 || text.get(ValueLayout.JAVA_BYTE, size - 1) == '\n';
    starts[count] = ended ? size : size + 1;
    return starts;
  }

  Optional<String> get(String key) {
    byte[] wanted = key.getBytes(StandardCharsets.UTF_8);
    int low = 0;
    int high = starts.length - 2;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      byte[] found = key(middle);
      int order = Arrays.compareUnsigned(found, wanted);
      if (order == 0) {
        byte[] line = bytes(starts[middle], starts[middle + 1] - 1);
        int blank = wanted.length;
        return Optional.of(new String(line, blank, line.length - blank, StandardCharsets.UTF_8).strip());
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return Optional.empty();
  }

  private byte[] key(int line) {
    long end = starts[line];
    while (end < starts[line + 1] - 1 && !isBlank(text.get(ValueLayout.JAVA_BYTE, end))) {
      end++;
    }
    return bytes(starts[line], end);
  }

  private static boolean isBlank(byte b) {
    return b == ' ' || b == '\t';
  }

  private byte[] bytes(long from, long to) {
    return text.asSlice(from, to - from).toArray(ValueLayout.JAVA_BYTE);
  }

  @Override
  public void close() {
    arena.close();
  }
}
