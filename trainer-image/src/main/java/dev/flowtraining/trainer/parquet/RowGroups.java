package dev.flowtraining.trainer.parquet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The row groups of some files, numbered through. An epoch takes every row once, so that a row is let go when it is
 * taken and what is held is what is still to come: batches keep to a few row groups at a time, and each is read about
 * once an epoch. When the rows to come are more than a number of bytes, the groups used longest ago are closed and read
 * again. Thread-safe; threads that want the same group wait for the one that reads it.
 */
public final class RowGroups {
  private record Group(Path file, int index, int firstRow, int rows) {}

  /** A group that is being read or has been. All but the future is guarded by {@link #open}. */
  private static final class Open {
    private final CompletableFuture<UtteranceRow[]> rows = new CompletableFuture<>();
    private int left;
    private long bytes;
  }

  private final List<Group> groups = new ArrayList<>();
  private final int[] firstRows;
  private final int rows;
  private final long maxBytes;
  private final LinkedHashMap<Integer, Open> open = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;

  /** Reads the files' footers. */
  public RowGroups(List<Path> files, long maxBytes) throws IOException {
    this.maxBytes = maxBytes;
    int row = 0;
    for (Path file : files) {
      int[] counts = ParquetFile.rowGroups(file);
      for (int i = 0; i < counts.length; i++) {
        if (counts[i] > 0) {
          groups.add(new Group(file, i, row, counts[i]));
          row = Math.addExact(row, counts[i]);
        }
      }
    }
    rows = row;
    firstRows = groups.stream().mapToInt(Group::firstRow).toArray();
  }

  /** Rows of all files. */
  public int rows() {
    return rows;
  }

  /** The first row of each row group. */
  public int[] firstRows() {
    return firstRows.clone();
  }

  /** About what the rows that wait take, bytes. */
  long waiting() {
    synchronized (open) {
      return bytes;
    }
  }

  /** Takes a row by its number over all files; whoever takes it again has its group read again. */
  public UtteranceRow take(int row) {
    int found = Arrays.binarySearch(firstRows, row);
    int index = found >= 0 ? found : -found - 2;
    while (true) {
      Open group = opened(index);
      UtteranceRow taken = taken(index, group, row - firstRows[index]);
      if (taken != null) {
        return taken;
      }
    }
  }

  private Open opened(int index) {
    Open group;
    boolean mine;
    synchronized (open) {
      group = open.get(index);
      mine = group == null;
      if (mine) {
        group = new Open();
        open.put(index, group);
      }
    }
    if (mine) {
      read(index, group);
    }
    try {
      group.rows.join();
      return group;
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        default -> throw e;
      }
    }
  }

  /** @return null when it has been taken before; the group is closed then */
  private UtteranceRow taken(int index, Open group, int place) {
    UtteranceRow[] rows = group.rows.join();
    synchronized (open) {
      UtteranceRow row = rows[place];
      rows[place] = null;
      if (row != null) {
        group.left--;
        group.bytes -= bytes(row);
        bytes -= open.get(index) == group ? bytes(row) : 0;
      }
      if (row == null || group.left == 0) {
        close(index, group);
      }
      return row;
    }
  }

  private void close(int index, Open group) {
    if (open.remove(index, group)) {
      bytes -= group.bytes;
    }
  }

  private void read(int index, Open group) {
    Group of = groups.get(index);
    UtteranceRow[] rows;
    try {
      rows = ParquetFile.readRowGroup(of.file(), of.index()).toArray(UtteranceRow[]::new);
    } catch (IOException | RuntimeException | Error e) {
      synchronized (open) {
        open.remove(index, group); // the next one tries again
      }
      group.rows.completeExceptionally(e instanceof IOException io
          ? new UncheckedIOException("cannot read " + of.file(), io) : e);
      return;
    }
    synchronized (open) {
      group.left = rows.length;
      group.bytes = Arrays.stream(rows).mapToLong(RowGroups::bytes).sum();
      bytes += group.bytes;
      Iterator<Open> longestAgo = open.values().iterator();
      while (bytes > maxBytes && longestAgo.hasNext()) {
        Open other = longestAgo.next();
        if (other != group && other.rows.isDone()) {
          longestAgo.remove();
          bytes -= other.bytes;
        }
      }
    }
    group.rows.complete(rows);
  }

  private static long bytes(UtteranceRow row) {
    return row.audioData().length + 8L * (row.speechToken().length + row.uttEmbedding().length
        + row.spkEmbedding().length) + 2L * row.text().length() + 256;
  }
}
