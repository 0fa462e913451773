package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.InputHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Files on their way into a folder: written under names that nobody reads, then renamed all at once. What has not moved
 * in when it is closed is deleted, as is what a killed process has left.
 */
final class Arrivals implements AutoCloseable {
  private static final String ENDING = ".arriving";

  private final Map<Path, Path> places = new LinkedHashMap<>();

  Arrivals(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path left : files.filter(f -> f.getFileName().toString().contains(ENDING)).toList()) {
          Files.deleteIfExists(left);
        }
      }
    }
  }

  /** Where to write what will be this file. */
  Path of(Path file) {
    Path place = file.resolveSibling("." + file.getFileName() + ENDING);
    places.put(file, place);
    return place;
  }

  /** Under the names that they will have. */
  List<Manifest.Entry> entries() throws IOException {
    List<Manifest.Entry> entries = new ArrayList<>();
    for (Map.Entry<Path, Path> arriving : places.entrySet()) {
      entries.add(new Manifest.Entry(arriving.getKey().getFileName().toString(), Files.size(arriving.getValue()),
          InputHash.ofFile(arriving.getValue())));
    }
    return List.copyOf(entries);
  }

  void moveIn() throws IOException {
    for (Map.Entry<Path, Path> arriving : places.entrySet()) {
      Files.move(arriving.getValue(), arriving.getKey(), StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    }
  }

  @Override
  public void close() throws IOException {
    for (Path place : places.values()) {
      Files.deleteIfExists(place);
    }
  }
}
