package dev.flowtraining.operator.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** How far an attempt has come, by what it has left on the shared volume. */
final class Trace {
  private final Path log;
  private final Path folder;
  private final int begin;
  private final Supplier<String> words;

  /**
   * @param run the run directory
   * @param words what rank 0 has printed
   */
  Trace(Path run, int attempt, Supplier<String> words) {
    log = run.resolve("exp/flow_model/train.log");
    folder = run.resolve("exp/flow_model/attempt-" + attempt);
    this.words = words;
    begin = bytes().length;   // every attempt appends
  }

  String words() {
    return words.get();
  }

  /** Of the attempt's part of train.log; empty before there is one. */
  String lastLine() {
    byte[] all = bytes();
    String text = new String(all, begin, all.length - begin, StandardCharsets.UTF_8);
    int end = text.lastIndexOf('\n');
    return end < 0 ? "" : text.substring(text.lastIndexOf('\n', end - 1) + 1, end);
  }

  /** Names of the checkpoint files that are being written. */
  List<String> unfinished() {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).filter(n -> n.startsWith(".") && n.endsWith(".tmp")).toList();
    } catch (IOException e) {
      return List.of();   // not there yet
    }
  }

  private byte[] bytes() {
    try {
      return Files.exists(log) ? Files.readAllBytes(log) : new byte[0];
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
