package dev.flowtraining.trainer.parquet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The row groups of some files, numbered through, of which those used last stay in memory within a number of bytes.
 * Batches keep to a few row groups at a time, so that each is read about once an epoch. Thread-safe; threads that want
 * the same group wait for the one that reads it.
 */
public final class RowGroups {
  private record Group(Path file, int index, int firstRow, int rows) {}

  private record Loading(CompletableFuture<List<UtteranceRow>> rows) {
    long bytes() {
      return rows.isDone() && !rows.isCompletedExceptionally()
          ? rows.join().stream().mapToLong(RowGroups::bytes).sum() : 0;
    }
  }

  private final List<Group> groups = new ArrayList<>();
  private final int[] firstRows;
  private final int rows;
  private final long maxBytes;
  private final LinkedHashMap<Integer, Loading> open = new LinkedHashMap<>(16, 0.75f, true);

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

  /** A row by its number over all files. */
  public UtteranceRow row(int row) {
    int found = Arrays.binarySearch(firstRows, row);
    int index = found >= 0 ? found : -found - 2;
    return rowsOf(index).get(row - firstRows[index]);
  }

  private List<UtteranceRow> rowsOf(int index) {
    CompletableFuture<List<UtteranceRow>> mine = null;
    Loading loading;
    synchronized (open) {
      loading = open.get(index);
      if (loading == null) {
        mine = new CompletableFuture<>();
        loading = new Loading(mine);
        open.put(index, loading);
      }
    }
    if (mine != null) {
      read(index, mine);
    }
    try {
      return loading.rows().join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        default -> throw e;
      }
    }
  }

  private void read(int index, CompletableFuture<List<UtteranceRow>> result) {
    Group group = groups.get(index);
    try {
      result.complete(ParquetFile.readRowGroup(group.file(), group.index()));
    } catch (IOException e) {
      result.completeExceptionally(new UncheckedIOException("cannot read " + group.file(), e));
    } catch (RuntimeException | Error e) {
      result.completeExceptionally(e);
    }
    synchronized (open) {
      if (result.isCompletedExceptionally()) {
        open.remove(index); // the next one tries again
      }
      long bytes = open.values().stream().mapToLong(Loading::bytes).sum();
      while (open.size() > 1 && bytes > maxBytes) {
        bytes -= open.pollFirstEntry().getValue().bytes();
      }
    }
  }

  private static long bytes(UtteranceRow row) {
    return row.audioData().length + 8L * (row.speechToken().length + row.uttEmbedding().length
        + row.spkEmbedding().length) + 2L * row.text().length() + 256;
  }
}
