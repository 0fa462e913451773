package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.config.FlowConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Keeps finished examples from one epoch to the next: decoding, resampling and mels are then done once. What came first
 * stays and nothing is thrown out, since an epoch uses every utterance once. Thread-safe.
 */
interface ExampleCache extends AutoCloseable {

  Optional<Example> get(int index);

  /** Keeps it if there is room. */
  void put(int index, Example example);

  @Override
  default void close() {}

  /**
   * As {@code dataset_conf.mel_cache} says.
   *
   * @param folder on the run's volume, for a cache on disk
   * @param examples number of indices
   */
  static ExampleCache of(FlowConfig.Dataset config, Path folder, int examples) throws IOException {
    long bytes = (long) config.melCacheMib() << 20;
    return switch (config.melCache()) {
      case "memory" -> new Memory(Math.min(bytes, Runtime.getRuntime().maxMemory() / 4));
      case "disk" -> DiskCache.create(folder, examples, bytes);
      default -> new Memory(0);
    };
  }

  /** On the heap. */
  final class Memory implements ExampleCache {
    private final Map<Integer, Example> kept = new ConcurrentHashMap<>();
    private final AtomicLong room;

    Memory(long maxBytes) {
      room = new AtomicLong(maxBytes);
    }

    @Override
    public Optional<Example> get(int index) {
      return Optional.ofNullable(kept.get(index));
    }

    @Override
    public void put(int index, Example example) {
      if (room.addAndGet(-example.bytes()) < 0) {
        room.addAndGet(example.bytes());
      } else if (kept.putIfAbsent(index, example) != null) {
        room.addAndGet(example.bytes());
      }
    }
  }
}
