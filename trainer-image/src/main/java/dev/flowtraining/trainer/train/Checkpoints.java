package dev.flowtraining.trainer.train;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.torch.StateDict;
import dev.flowtraining.trainer.torch.StateDictFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The checkpoints of a run. An attempt writes into its own folder only and reads those of all: {@code epoch_N_whole.pt}
 * (weights, and the integers epoch and step), {@code .yaml} in CosyVoice's form, {@code epoch_N_optimizer.pt} (Adam's
 * moments), {@code epoch_N_ema.pt} (the moving average of the weights, when one is kept), {@code epoch_N_whole.json}
 * ({@link Manifest}); and {@code step_N…} likewise within an epoch.
 */
final class Checkpoints {
  private final RunLayout layout;
  private final Path folder;

  /** A checkpoint with a manifest; whether its files are whole is told by {@link #verified}. */
  record Checkpoint(Path weights, Path optimizer, Manifest manifest) {
    /** Such as {@code epoch_3_whole}. */
    String name() {
      return stem(manifest.checkpoint());
    }

    boolean ofEpoch() {
      return name().startsWith("epoch_");
    }

    Cursor cursor() {
      return manifest.cursor();
    }

    Path average() {
      return averageOf(weights);
    }

    /** Whether its validation loss is that of the moving average. */
    boolean averageIsValidated() {
      return "true".equals(manifest.settings().get("train_conf.validate_ema"));
    }
  }

  Checkpoints(RunLayout layout, int attempt) {
    this.layout = layout;
    folder = layout.attempt(attempt);
  }

  /**
   * Writes a checkpoint; when it returns, all of it is on the disk. One of this name from before a resume stays until
   * the new one is whole beside it.
   *
   * @param manifest without its files and time
   * @param yaml the text of the file beside the weights
   */
  Checkpoint save(Manifest manifest, StateDict weights, StateDict optimizer, Optional<StateDict> average, String yaml)
      throws IOException {
    Path file = folder.resolve(manifest.checkpoint());
    Path yamlFile = folder.resolve(stem(manifest.checkpoint()) + ".yaml");
    try (Arrivals arrivals = new Arrivals(folder)) {
      StateDictFile.write(arrivals.of(file), weights);
      StateDictFile.write(arrivals.of(optimizerOf(file)), optimizer);
      WholeFile.text(arrivals.of(yamlFile), yaml);
      if (average.isPresent()) {
        StateDictFile.write(arrivals.of(averageOf(file)), average.get());
      }
      Manifest whole = new Manifest(manifest.checkpoint(), manifest.cursor(), manifest.cvLoss(),
          manifest.microBatchesPerStep(), manifest.settings(), manifest.data(), manifest.resumedFrom(),
          Instant.now().toString(), arrivals.entries());
      // from here on it takes renames alone, and half replaced it must not look whole
      Files.deleteIfExists(manifestOf(file));
      arrivals.moveIn();
      whole.write(manifestOf(file));
      return new Checkpoint(file, optimizerOf(file), whole);
    }
  }

  /**
   * The newest checkpoint of all attempts whose files are whole; says which ones it passes over. An attempt's number
   * may be higher than this one's: a run that was deleted and applied again counts from 1 and goes on where it was.
   */
  Optional<Checkpoint> newest(Consumer<String> log) throws IOException {
    List<Checkpoint> all = new ArrayList<>();
    for (Path folder : layout.attempts().reversed()) {
      all.addAll(in(folder, log));
    }
    // a stable sort: of two with as many steps that of the later attempt comes first
    all.sort(Comparator.comparing((Checkpoint c) -> c.cursor().step())
        .thenComparing(c -> c.cursor().epoch()).reversed());
    for (Checkpoint checkpoint : all) {
      if (verified(checkpoint, log)) {
        return Optional.of(checkpoint);
      }
    }
    return Optional.empty();
  }

  /** The checkpoint that somebody names, or the newest whole one when it is not whole. */
  Optional<Checkpoint> named(String path, Consumer<String> log) throws IOException {
    Path weights = layout.root().resolve(path).normalize();
    if (!weights.startsWith(layout.root().normalize())) {
      throw new StageFailure(ExitCode.USAGE, "InvalidCheckpointPath",
          "--resume-from " + path + " is not inside the run directory " + layout.root());
    }
    try {
      Checkpoint named = new Checkpoint(weights, optimizerOf(weights), Manifest.read(manifestOf(weights)));
      if (verified(named, log)) {
        return Optional.of(named);
      }
    } catch (IOException e) {
      log.accept("passed over " + path + ": " + e.getMessage());
    }
    return newest(log);
  }

  /**
   * Deletes what is no longer needed from this attempt's folder: of epochs the newest {@code keepLast} stay; of those
   * within an epoch as many of the newest, at least two; and the weights of the {@code keepBest} best of all, which may
   * be averaged. Of earlier attempts nothing but such weights stays as soon as this one has {@code keepLast} epochs of
   * its own.
   */
  void prune(int keepLast, int keepBest) throws IOException {
    List<Checkpoint> own = new ArrayList<>(in(folder, line -> {}));
    own.sort(Comparator.comparing((Checkpoint c) -> c.cursor().step()).reversed());
    List<Checkpoint> epochs = own.stream().filter(Checkpoint::ofEpoch).toList();
    List<Checkpoint> newest = epochs.stream().limit(keepLast).toList();
    List<Checkpoint> best = best(own.stream(), keepBest);
    Set<Checkpoint> whole = new HashSet<>(newest);
    whole.addAll(own.stream().filter(c -> !c.ofEpoch()).limit(Math.max(2, keepLast)).toList());
    for (Checkpoint checkpoint : own) {
      if (!whole.contains(checkpoint)) {
        release(checkpoint, best.contains(checkpoint));
      }
    }
    if (newest.size() == keepLast) {
      pruneEarlier(newest, own, keepBest);
    }
  }

  /** Never a later attempt's, which may be writing while this one is a leftover of before. */
  private void pruneEarlier(List<Checkpoint> newest, List<Checkpoint> own, int keepBest) throws IOException {
    List<Checkpoint> earlier = new ArrayList<>();
    for (Path attempt : layout.attempts().stream().takeWhile(f -> !f.equals(folder)).toList()) {
      earlier.addAll(in(attempt, line -> {}));
    }
    List<Checkpoint> best = best(Stream.concat(own.stream(), earlier.stream()), keepBest);
    List<Checkpoint> surplus =
        earlier.stream().filter(c -> !best.contains(c) || Files.exists(c.optimizer())).toList();
    if (surplus.isEmpty()) {
      return;
    }
    for (Checkpoint checkpoint : newest) {
      if (!verified(checkpoint, line -> {})) {
        return; // what is left of earlier attempts may be all that there is
      }
    }
    for (Checkpoint checkpoint : surplus) {
      release(checkpoint, best.contains(checkpoint));
    }
  }

  private static List<Checkpoint> best(Stream<Checkpoint> checkpoints, int count) {
    return checkpoints.filter(c -> c.manifest().cvLoss() != null)
        .sorted(Comparator.comparing(c -> c.manifest().cvLoss())).limit(count).toList();
  }

  private static void release(Checkpoint checkpoint, boolean mayBeAveraged) throws IOException {
    if (!mayBeAveraged) {
      Files.deleteIfExists(manifestOf(checkpoint.weights()));
      Files.deleteIfExists(checkpoint.weights().resolveSibling(checkpoint.name() + ".yaml"));
      Files.deleteIfExists(checkpoint.weights());
    }
    // without the optimizer's state the manifest no longer agrees: weights to average, nothing to resume from
    Files.deleteIfExists(checkpoint.optimizer());
    if (!mayBeAveraged || !checkpoint.averageIsValidated()) {
      Files.deleteIfExists(checkpoint.average());
    }
  }

  String relative(Checkpoint checkpoint) {
    return layout.root().relativize(checkpoint.weights()).toString();
  }

  private static boolean verified(Checkpoint checkpoint, Consumer<String> log) throws IOException {
    String flaw = checkpoint.manifest().flaw(checkpoint.weights().getParent());
    if (flaw != null && Files.exists(checkpoint.optimizer())) {
      log.accept("passed over the checkpoint " + checkpoint.weights() + ": " + flaw);
    }
    return flaw == null;
  }

  private static List<Checkpoint> in(Path folder, Consumer<String> log) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    List<Path> manifests;
    try (Stream<Path> files = Files.list(folder)) {
      manifests = files.filter(f -> f.getFileName().toString().matches("(epoch_\\d+_whole|step_\\d+)\\.json"))
          .sorted().toList();
    }
    List<Checkpoint> checkpoints = new ArrayList<>();
    for (Path file : manifests) {
      try {
        Manifest manifest = Manifest.read(file);
        Path weights = folder.resolve(Path.of(manifest.checkpoint()).getFileName());
        checkpoints.add(new Checkpoint(weights, optimizerOf(weights), manifest));
      } catch (IOException e) {
        log.accept("passed over " + file + ": " + e.getMessage());
      }
    }
    return checkpoints;
  }

  private static Path manifestOf(Path weights) {
    return weights.resolveSibling(stem(weights.getFileName().toString()) + ".json");
  }

  private static Path optimizerOf(Path weights) {
    return beside(weights, "_optimizer.pt");
  }

  private static Path averageOf(Path weights) {
    return beside(weights, "_ema.pt");
  }

  private static Path beside(Path weights, String ending) {
    return weights.resolveSibling(stem(weights.getFileName().toString()).replaceFirst("_whole$", "") + ending);
  }

  private static String stem(String fileName) {
    return fileName.replaceFirst("\\.pt$", "");
  }
}
