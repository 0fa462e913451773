package dev.flowtraining.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExampleCacheTest {
  @TempDir Path folder;

  @Test
  void givesBackWhatItKeptAndKeepsWhatFits() throws IOException {
    List<Example> examples = IntStream.range(0, 20).mapToObj(ExampleCacheTest::example).toList();
    long four = examples.stream().limit(4).mapToLong(Example::bytes).sum();
    try (ExampleCache disk = DiskCache.create(folder.resolve("c"), 20, four + 4 * 40)) {
      for (ExampleCache cache : List.of(new ExampleCache.Memory(four), disk)) {
        IntStream.range(0, 20).parallel().forEach(i -> cache.put((i + 7) % 20, examples.get((i + 7) % 20)));
        long kept = 0;
        for (int i = 0; i < 20; i++) {
          if (cache.get(i).isPresent()) {
            kept++;
            assertThat(cache.get(i).get()).usingRecursiveComparison().isEqualTo(examples.get(i));
          }
        }
        assertThat(kept).isBetween(1L, 19L);
      }
      try (Stream<Path> files = Files.list(folder.resolve("c"))) {
        assertThat(files).isEmpty(); // the file has no name: nothing is left of a process that is killed
      }
    }
    assertThat(new ExampleCache.Memory(0).get(3)).isEmpty();
  }

  private static Example example(int i) {
    int tokens = 3 * (1 + i % 5);
    float[] mel = new float[2 * tokens * 80];
    mel[i] = i;
    return new Example("ütt" + i, IntStream.range(i, i + 2 * tokens).toArray(), mel, new float[] {i, 1, 2});
  }
}
