package dev.flowtraining.trainer.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.data.KaldiTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SortedTableTest {
  @TempDir Path folder;

  @Test
  void findsWhatKaldiTableWrote() throws IOException {
    Map<String, String> table = new TreeMap<>(Map.of("a", "1", "a-b", "2 3", "ä", "ö", "𝄞", "clef", "Z", "z"));
    for (int i = 0; i < 3000; i++) {
      table.put("utt" + i, "[ " + i + " ]");
    }
    Path file = folder.resolve("table");
    KaldiTable.write(file, table);
    try (SortedTable sorted = SortedTable.open(file)) {
      table.forEach((key, value) -> assertThat(sorted.get(key)).contains(value));
      assertThat(sorted.get("utt")).isEmpty();
      assertThat(sorted.get("")).isEmpty();
      assertThat(sorted.get("￿")).isEmpty();
    }
  }

  @Test
  void endsAndErrors() throws IOException {
    try (SortedTable open = SortedTable.open(Files.writeString(folder.resolve("open"), "a 1\nb 2"))) {
      assertThat(open.get("b")).contains("2");
    }
    try (SortedTable empty = SortedTable.open(Files.writeString(folder.resolve("empty"), ""))) {
      assertThat(empty.get("b")).isEmpty();
    }
    Path unsorted = Files.writeString(folder.resolve("unsorted"), "a 1\nc 2\nb 3\n");
    assertThatThrownBy(() -> SortedTable.open(unsorted)).isInstanceOf(StageFailure.class)
        .hasMessageContaining("unsorted:3");
    assertThatThrownBy(() -> SortedTable.open(folder.resolve("none"))).isInstanceOf(StageFailure.class)
        .hasMessageContaining("is not there");
  }
}
