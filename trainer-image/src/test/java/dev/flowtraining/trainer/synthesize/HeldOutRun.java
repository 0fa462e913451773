package dev.flowtraining.trainer.synthesize;

import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.parquet.ParquetFile;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A run directory with a few utterances of one clip in its validation set. */
public final class HeldOutRun {
  private HeldOutRun() {}

  /** @return the Parquet file */
  public static Path write(RunLayout layout, String... utts) throws IOException {
    byte[] clip = Files.readAllBytes(Fixtures.file("audio/clip.wav"));
    List<UtteranceRow> rows = new ArrayList<>();
    for (String utt : utts) {
      long[] tokens = new long[40];
      Arrays.setAll(tokens, i -> i % 5 < 2 ? i : 1024 + i);
      double[] speaker = new double[192];
      Arrays.fill(speaker, 0.5);
      rows.add(new UtteranceRow(utt, clip, "clip.wav", "text", "spk", speaker, speaker, tokens));
    }
    Files.createDirectories(layout.parquet("dev"));
    Path file = layout.parquet("dev").resolve("parquet_000000000.tar");
    ParquetFile.write(file, rows);
    WholeFile.text(layout.dataList("dev"), "parquet/dev/parquet_000000000.tar\n");
    return file;
  }
}
