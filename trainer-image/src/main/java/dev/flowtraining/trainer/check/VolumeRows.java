package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The run directory and the data. */
final class VolumeRows {

  private VolumeRows() {}

  /** Writes and removes a file: a mount may be read-only whatever its permissions say. */
  static Row writable(Path runDir) {
    try {
      Files.createDirectories(runDir);
      Files.delete(Files.createTempFile(runDir, ".check", null));
      return Row.ok("run directory", runDir.toString());
    } catch (IOException e) {
      return Row.missing("run directory", runDir + " is not writable: " + e,
          "check the workspace volume and its permissions (user 1000, fsGroup)", "VolumeNotWritable");
    }
  }

  /** @param checkpoints what training will need; what lies there already counts towards it, so that a run can go on */
  static Row disk(RunLayout layout, DiskSize least, DiskSize checkpoints) {
    Path there = layout.root().toAbsolutePath();
    while (!Files.exists(there)) {
      there = there.getParent();
    }
    try {
      DiskSize free = new DiskSize(Files.getFileStore(there).getUsableSpace());
      if (free.bytes() < least.bytes()) {
        return Row.missing("disk", free + " free, " + least + " asked for",
            "free space on the workspace volume or enlarge it", "InsufficientDisk");
      }
      return free.bytes() + bytes(layout.experiment()) >= checkpoints.bytes() ? Row.ok("disk", free + " free")
          : Row.missing("disk", free + " free, checkpoints take " + checkpoints,
              "free space on the workspace volume or enlarge it, or lower train_conf.keep_last", "InsufficientDisk");
    } catch (IOException e) {
      return Row.missing("disk", "cannot be asked: " + e, "check the workspace volume", "InsufficientDisk");
    }
  }

  private static long bytes(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return 0;
    }
    long sum = 0;
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        sum += Files.size(file);
      }
    }
    return sum;
  }

  static List<Row> data(StageOptions options) {
    List<Row> rows = new ArrayList<>();
    if (options.train() != null) {
      rows.add(data("training data", options.train()));
    }
    if (options.dev() != null) {
      rows.add(data("validation data", options.dev()));
    } else if (options.train() != null && options.devFraction() == null) {
      rows.add(Row.warn("validation data", "none",
          "give --dev or --dev-fraction (spec.data.dev, spec.data.devFraction) to see whether the model generalises"));
    }
    return rows;
  }

  private static Row data(String what, Path folder) {
    String todo = "give a folder with wav.scp and text, or one of audio files; paths are relative to the data volume";
    if (!Files.isDirectory(folder)) {
      return Row.missing(what, folder + " is no folder", todo, "DataNotFound");
    }
    Path wavScp = folder.resolve("wav.scp");
    if (Files.isReadable(wavScp)) {
      return Files.isReadable(folder.resolve("text")) ? Row.ok(what, folder + ": wav.scp and text")
          : Row.missing(what, folder + " has wav.scp but no text", "add the file 'text' (utt_id transcript)",
              "DataNotFound");
    }
    try (Stream<Path> files = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return files.anyMatch(f -> f.toString().toLowerCase().endsWith(".wav")) ? Row.ok(what, folder + ": audio files")
          : Row.missing(what, folder + " has neither wav.scp nor audio files", todo, "DataNotFound");
    } catch (IOException | UncheckedIOException e) {
      return Row.missing(what, folder + " cannot be read: " + e, "check the data volume and its permissions",
          "DataNotFound");
    }
  }
}
