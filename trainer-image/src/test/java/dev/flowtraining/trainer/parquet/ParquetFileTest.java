package dev.flowtraining.trainer.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.Fixtures;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.DualCodebook;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParquetFileTest {
  @TempDir Path folder;

  @Test
  void readsWhatUpstreamWrote() throws IOException {
    List<String> text = Files.readAllLines(Fixtures.file("data/src/text"));
    List<String> scp = Files.readAllLines(Fixtures.file("data/src/wav.scp"));
    List<String> utt2spk = Files.readAllLines(Fixtures.file("data/src/utt2spk"));
    int line = 0;
    for (String file : Files.readAllLines(Fixtures.file("data/parquet/data.list"))) {
      for (UtteranceRow row : ParquetFile.read(Fixtures.file(file))) {
        assertThat(row.utt() + " " + row.text()).isEqualTo(text.get(line));
        assertThat(row.utt() + " " + row.wav()).isEqualTo(scp.get(line));
        assertThat(row.utt() + " " + row.spk()).isEqualTo(utt2spk.get(line++));
        assertThat(row.audioData()).isEqualTo(Files.readAllBytes(Fixtures.file(row.wav())));
        assertThat(row.uttEmbedding()).hasSize(192).doesNotContain(Double.NaN);
        assertThat(row.spkEmbedding()).hasSize(192);
        DualCodebook.validate(row.speechToken());
      }
    }
    assertThat(line).isEqualTo(text.size());
  }

  @Test
  void readsWhatItWrote() throws IOException {
    List<UtteranceRow> rows = rows(37);
    Path file = folder.resolve("parquet_000000000.tar");
    ParquetFile.write(file, rows);
    assertThat(ParquetFile.read(file)).usingRecursiveComparison().isEqualTo(rows);
    byte[] first = Files.readAllBytes(file);
    ParquetFile.write(file, rows);
    assertThat(Files.readAllBytes(file)).isEqualTo(first);
    try (var left = Files.list(folder)) {
      assertThat(left).containsExactly(file);
    }
  }

  @Test
  void damagedAndMissingFiles() throws IOException {
    Path file = folder.resolve("p.tar");
    ParquetFile.write(file, rows(3));
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> ParquetFile.read(file)).isInstanceOf(StageFailure.class).hasMessageContaining("p.tar");
    assertThatThrownBy(() -> ParquetFile.read(folder.resolve("none"))).isInstanceOf(StageFailure.class)
        .hasMessageContaining("is not there");
  }

  private static List<UtteranceRow> rows(int n) {
    Random random = new Random(1);
    List<UtteranceRow> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      byte[] audio = new byte[100 + i * 1000];
      random.nextBytes(audio);
      rows.add(new UtteranceRow("utt" + i, audio, "wavs/" + i + ".wav", "日本 " + i, "spk" + i % 3,
          random.doubles(192).toArray(), random.doubles(192).toArray(), random.longs(i, 0, 5000).toArray()));
    }
    return rows;
  }
}
