package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.parquet.ParquetFile;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * The rows of the Parquet files of a {@code data.list}, one after the other. A file that cannot be read is told, and the
 * next one taken.
 */
final class ParquetRows implements Iterator<Item> {
  private final String split;
  private final Path list;
  private final Findings findings;
  private final Iterator<String> lines;
  /** {@code utt frames}, in the order of the rows; null when there is no such file. */
  private BufferedReader frames;
  private Path file;
  private ParquetFile.Rows rows;
  private int row;
  private Item next;

  private ParquetRows(String split, Path list, Findings findings) throws IOException {
    this.split = split;
    this.list = list.toAbsolutePath().normalize();
    this.findings = findings;
    lines = Files.readAllLines(list).stream().map(String::strip).filter(l -> !l.isEmpty()).iterator();
    Path utt2numFrames = list.resolveSibling("utt2num_frames");
    frames = Files.isRegularFile(utt2numFrames) ? Files.newBufferedReader(utt2numFrames) : null;
  }

  static Iterator<Item> open(String split, Path list, Findings findings) throws IOException {
    ParquetRows rows = new ParquetRows(split, list, findings);
    rows.advance();
    return rows;
  }

  @Override
  public boolean hasNext() {
    return next != null;
  }

  @Override
  public Item next() {
    if (next == null) {
      throw new NoSuchElementException();
    }
    Item item = next;
    try {
      advance();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return item;
  }

  private void advance() throws IOException {
    next = null;
    while (next == null && (rows != null || lines.hasNext())) {
      try {
        if (rows == null) {
          file = locate(lines.next());
          rows = ParquetFile.open(file);
          row = 0;
        }
        UtteranceRow read = rows.next();
        if (read == null) {
          closeFile();
        } else {
          row++;
          next = item(read);
        }
      } catch (StageFailure e) {
        findings.add(new Finding(Check.UNREADABLE_PARQUET, split, file.toString(), e.getMessage()));
        closeFile();
        closeFrames(); // which of its lines belong to the next file is not known
      }
    }
    if (next == null) {
      closeFrames();
    }
  }

  private Item item(UtteranceRow r) throws IOException {
    return new Item(r.utt(), r.spk(), r.text(), null, file.getFileName() + " row " + row, r::audioData, r, promised(r.utt()));
  }

  private Integer promised(String utt) throws IOException {
    if (frames == null) {
      return null;
    }
    String line = frames.readLine();
    String[] parts = line == null ? new String[0] : line.strip().split("\\s+");
    if (parts.length == 2 && parts[0].equals(utt) && parts[1].matches("\\d{1,9}")) {
      return Integer.parseInt(parts[1]);
    }
    findings.add(new Finding(Check.ROWS_DO_NOT_MATCH, split, utt, "utt2num_frames has "
        + (line == null ? "no line" : "'" + line + "'") + " where " + file.getFileName() + " has this utterance"));
    closeFrames();
    return null;
  }

  /** A relative path counts from the run directory, which is some folder above the list. */
  private Path locate(String line) {
    for (Path folder = list.getParent(); folder != null; folder = folder.getParent()) {
      if (Files.exists(folder.resolve(line))) {
        return folder.resolve(line);
      }
    }
    return list.resolveSibling(line);
  }

  private void closeFile() throws IOException {
    if (rows != null) {
      rows.close();
      rows = null;
    }
  }

  private void closeFrames() throws IOException {
    if (frames != null) {
      frames.close();
      frames = null;
    }
  }
}
