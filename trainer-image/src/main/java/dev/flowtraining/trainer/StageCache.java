package dev.flowtraining.trainer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Results of stages for all runs of a volume, by stage and input hash: {@code parquet-1a2b…/} holds the stage's files
 * under the names that they have in a run directory, its record, and {@code entry.json}.
 *
 * <p>Files are shared by hard links. So the file system counts the references: a run directory is whole in itself, an
 * entry that goes takes nothing from a run that uses it, and a run that goes takes nothing from another. An entry is in
 * use while a file of it has a link elsewhere. Nobody writes into a file that is shared: results are written under
 * another name and renamed, and what is shared is read-only.
 *
 * <p>An entry appears and disappears by a rename, so nobody sees half of one. Whoever loses it while taking it over, or
 * cannot link (another volume, no hard links), does the stage itself: the cache saves work, and nothing depends on it.
 */
final class StageCache {
  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
  private static final String ENTRY = "entry.json";
  /** Being written; of a writer that died when it is old. */
  static final String DRAFT = ".new-";
  /** Being removed. */
  static final String GONE = ".gone-";

  /** Nobody links this long. */
  private static final Duration HALF_MADE = Duration.ofHours(1);

  private final Path folder;
  private final Progress progress;

  /**
   * What an entry must hold.
   *
   * @param madeBy the run that did the work
   * @param files by name, with their bytes
   */
  record Entry(String madeBy, String sharedAt, TreeMap<String, Long> files) {}

  /** @param folder on the volume of the run directories */
  StageCache(Path folder, Progress progress) {
    this.folder = folder;
    this.progress = progress;
  }

  /** {@code speech-tokens-1a2b…}. */
  private Path entry(Stage stage, String inputHash) {
    return folder.resolve(stage.id() + "-" + inputHash);
  }

  boolean has(Stage stage, String inputHash) {
    return Files.exists(entry(stage, inputHash));
  }

  /** Whose turn it is to do a stage that several runs want is told by a lock of this name. */
  Path lock(Stage stage, String inputHash) {
    return folder.resolve("locks").resolve(stage.id() + "-" + inputHash);
  }

  /**
   * Puts a result into a run directory; its record is for the caller to write, as the last thing.
   *
   * @param results files, and folders that hold nothing else
   * @return empty when there is none, or none that can be taken over: then the run directory may hold some of its files
   */
  Optional<StageRecord> adopt(Stage stage, String inputHash, RunLayout run, List<Path> results) {
    Path from = entry(stage, inputHash);
    if (!Files.exists(from)) {
      return Optional.empty();
    }
    try {
      Optional<StageRecord> record = StageRecord.read(new RunLayout(from), stage);
      Entry entry = read(from);
      if (record.isEmpty() || !record.get().inputHash().equals(inputHash) || !whole(from, entry)) {
        dropDamaged(stage, from);
        return Optional.empty();
      }
      for (Path old : files(results)) {
        if (!entry.files().containsKey(run.root().relativize(old).toString())) {
          Files.delete(old);
        }
      }
      for (String name : entry.files().keySet()) {
        link(from.resolve(name), run.root().resolve(name));
      }
      progress.say(stage.id() + ": shared, nothing to do: " + entry.madeBy() + " did it with the same input, "
          + record.get().completedAt());
      return record;
    } catch (IOException | UnsupportedOperationException e) {
      progress.say(stage.id() + ": not taken from " + from + ": " + e);
      return Optional.empty();
    }
  }

  /** Unless it only went while it was looked at. */
  private void dropDamaged(Stage stage, Path entry) throws IOException {
    if (Files.exists(entry)) {
      progress.say(stage.id() + ": " + entry + " is damaged and goes");
      remove(entry);
    }
  }

  /**
   * Shares a result that is complete, unless it is there.
   *
   * @param results files, and folders that hold nothing else
   */
  void publish(StageRecord record, List<Path> results, RunLayout run, String madeBy) {
    Path to = entry(Stage.of(record.stage()), record.inputHash());
    Path draft = folder.resolve(DRAFT + UUID.randomUUID());
    if (results.isEmpty() || Files.exists(to)) {
      return;
    }
    try {
      TreeMap<String, Long> files = new TreeMap<>();
      for (Path file : files(results)) {
        String name = run.root().relativize(file).toString();
        link(file, draft.resolve(name));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
        files.put(name, Files.size(file));
      }
      record.write(new RunLayout(draft));
      WholeFile.text(draft.resolve(ENTRY), JSON.writeValueAsString(
          new Entry(madeBy, Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), files)) + "\n");
      Files.move(draft, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | UnsupportedOperationException e) {
      if (!Files.exists(to)) { // or another run was first
        progress.say(record.stage() + ": not shared through " + folder + ": " + e);
      }
      removeQuietly(draft);
    }
  }

  /** Somebody wants the stage done again: what was done before is not offered any more. */
  void withdraw(Stage stage, String inputHash) throws IOException {
    remove(entry(stage, inputHash));
  }

  /** Null when there is none that can be read. */
  private static Entry read(Path entry) throws IOException {
    if (!Files.exists(entry.resolve(ENTRY))) {
      return null;
    }
    try {
      return JSON.readValue(entry.resolve(ENTRY).toFile(), Entry.class);
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  private static boolean whole(Path from, Entry entry) throws IOException {
    if (entry == null || entry.files() == null) {
      return false;
    }
    for (var file : entry.files().entrySet()) {
      Path path = from.resolve(file.getKey()).normalize();
      if (!path.startsWith(from) || !Files.isRegularFile(path) || Files.size(path) != file.getValue()) {
        return false;
      }
    }
    return true;
  }

  private static List<Path> files(List<Path> filesAndFolders) throws IOException {
    List<Path> all = new ArrayList<>();
    for (Path path : filesAndFolders) {
      if (Files.exists(path)) {
        try (Stream<Path> below = Files.walk(path)) {
          below.filter(Files::isRegularFile).sorted().forEach(all::add);
        }
      }
    }
    return all;
  }

  private static void link(Path from, Path to) throws IOException {
    Files.createDirectories(to.getParent());
    Path temporary = to.resolveSibling("." + to.getFileName() + "." + UUID.randomUUID());
    try {
      Files.createLink(temporary, from);
      Files.move(temporary, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary); // rename does nothing when both are links to one file
    }
  }

  private void remove(Path entry) throws IOException {
    Path gone = folder.resolve(GONE + UUID.randomUUID());
    try {
      Files.move(entry, gone, StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      return;
    }
    Removal.of(gone);
  }

  private static void removeQuietly(Path draft) {
    try {
      Removal.of(draft);
    } catch (IOException e) {
      // the volume is in trouble, which was said; the next sweep finds it
    }
  }

  /** Removes entries that no run uses any more, and what writers that died have left; says how many entries. */
  int sweep() throws IOException {
    return sweep(Instant.now().minus(HALF_MADE));
  }

  int sweep(Instant olderThan) throws IOException {
    if (!Files.isDirectory(folder)) {
      return 0;
    }
    List<Path> all;
    try (Stream<Path> children = Files.list(folder)) {
      all = children.sorted().collect(Collectors.toList());
    }
    int removed = 0;
    for (Path path : all) {
      String name = path.getFileName().toString();
      boolean half = name.startsWith(DRAFT) || name.startsWith(GONE);
      if (half && Files.getLastModifiedTime(path).toInstant().isBefore(olderThan)) {
        Removal.of(path);
      } else if (!half && Files.exists(path.resolve(ENTRY)) && !inUse(path)) {
        remove(path);
        removed++;
      }
    }
    return removed;
  }

  private static boolean inUse(Path entry) throws IOException {
    for (Path file : files(List.of(entry))) {
      if (((Number) Files.getAttribute(file, "unix:nlink")).intValue() > 1) {
        return true;
      }
    }
    return false;
  }
}
