package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.Progress;
import dev.flowtraining.trainer.Removal;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The parts of a result that is being made: {@code RESULT.parts-HASH/00000} and so on beside it. Each is there whole or
 * not at all, so that work goes on where it was, and none depends on the number of shards, so that this may change
 * between two runs: what is there is kept, the rest is shared out anew. Parts of other input are never looked at.
 */
public final class Parts {
  private static final Pattern MARK = Pattern.compile("shard-(\\d+)-of-(\\d+)");

  private final Path result;
  private final Path folder;
  private final int count;
  /** Of this process: a zombie that makes the same part does not write into the same file. */
  private final Path own;

  /**
   * @param result file or folder
   * @param hash of all that determines the parts
   */
  public Parts(Path result, String hash, int count) {
    this.result = result.toAbsolutePath();
    this.folder = this.result.resolveSibling(result.getFileName() + ".parts-" + hash.substring(0, 12));
    this.count = count;
    this.own = folder.resolve("." + UUID.randomUUID());
  }

  public Path folder() {
    return folder;
  }

  /** The file that stands for a part: once it is there, the part is done. */
  public Path file(int part) {
    return folder.resolve("%05d".formatted(part));
  }

  /** Leaves a mark, by which the merge knows the shards that there should be. */
  public void begin(Step.Shard shard) throws IOException {
    Files.createDirectories(own);
    Path mark = folder.resolve("shard-" + shard.index() + "-of-" + shard.count());
    Files.write(mark, new byte[0]);
    Files.setLastModifiedTime(mark, FileTime.fromMillis(System.currentTimeMillis()));
  }

  public List<Integer> of(Step.Shard shard) {
    return IntStream.range(0, count).filter(shard::has).boxed().toList();
  }

  /** Where a file is written before {@link #add} makes it a part. */
  public Path draft(String name) {
    return own.resolve(name);
  }

  /** Takes a finished file over from its draft. */
  public void add(Path draft) throws IOException {
    Files.move(draft, folder.resolve(draft.getFileName()), StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  /** @throws StageFailure 66 {@code ShardsMissing} */
  public void requireAll(Stage stage) throws IOException {
    List<Integer> missing = IntStream.range(0, count).filter(p -> !Files.exists(file(p))).boxed().toList();
    if (missing.isEmpty()) {
      return;
    }
    String what = missing.size() + " of " + count + " parts of " + result + " are missing: ";
    int shards = shards().orElseThrow(() -> failure(what + "no shard of this input has run; run flow-trainer "
        + stage.id() + " --shard I/N for each I below N, then --merge"));
    List<Integer> late = missing.stream().map(p -> p % shards).distinct().sorted().toList();
    String names = late.stream().map(i -> i + "/" + shards).collect(Collectors.joining(", "));
    throw failure(what + (late.size() == 1 ? "shard " : "shards ") + names + " did not end; run flow-trainer " + stage.id()
        + " --shard " + late.getFirst() + "/" + shards + (late.size() == 1 ? "" : " and so on") + ", then --merge");
  }

  private static StageFailure failure(String message) {
    return new StageFailure(ExitCode.MISSING, "ShardsMissing", message);
  }

  /** How many shards the last one to begin was one of. */
  private Optional<Integer> shards() throws IOException {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> MARK.matcher(f.getFileName().toString()).matches())
          .max(Comparator.comparing((Path f) -> f.toFile().lastModified()).thenComparing(Path::getFileName))
          .map(Parts::shards);
    }
  }

  private static int shards(Path mark) {
    Matcher m = MARK.matcher(mark.getFileName().toString());
    m.matches();
    return Integer.parseInt(m.group(2));
  }

  /** Removes what other input left beside the result, with a line: the result will not be of that input any more. */
  public void removeOthers(Progress progress) throws IOException {
    List<Path> others;
    try (Stream<Path> siblings = Files.list(folder.getParent())) {
      others = siblings.filter(p -> p.getFileName().toString().startsWith(result.getFileName() + ".parts-"))
          .filter(p -> !p.equals(folder)).toList();
    }
    for (Path parts : others) {
      progress.say("removing " + parts + ": parts of other input, left by a run that did not end");
      Removal.of(parts);
    }
  }

  /** Removes the parts of a result that is complete. */
  public static void remove(Path result, String hash) throws IOException {
    Removal.of(new Parts(result, hash, 0).folder);
  }
}
