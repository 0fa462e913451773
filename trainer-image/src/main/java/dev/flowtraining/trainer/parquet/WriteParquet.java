package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.ShardedTask;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.Step;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.KaldiFolder;
import dev.flowtraining.trainer.data.Parts;
import dev.flowtraining.trainer.data.Rejects;
import dev.flowtraining.trainer.data.Tally;
import dev.flowtraining.trainer.data.UtteranceFilter;
import dev.flowtraining.trainer.data.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Stage 3: everything about an utterance in one row of {@code parquet/<split>/parquet_%09d.tar}, with {@code data.list}
 * (paths relative to the run directory) and {@code utt2num_frames} (mel frames after the trim, in the rows' order).
 */
public final class WriteParquet implements ShardedTask {
  private static final int FORMAT = 3;
  private static final List<String> SPLITS = List.of("train", "dev");

  @Override
  public String inputHash(StageContext context) throws IOException {
    InputHash hash = InputHash.start().add("parquet").add(FORMAT).add(layout(context)).add(bytes(context))
        .add(context.config().datasetConf().filterConf());
    for (Stage before : List.of(Stage.PREPARE_DATA, Stage.SPEAKER_EMBEDDING, Stage.SPEECH_TOKENS)) {
      hash.add(StageRecord.require(context.layout(), before).outputHash());
    }
    return hash.hex();
  }

  @Override
  public List<Path> results(StageContext context) {
    return SPLITS.stream().flatMap(s -> Stream.of(context.layout().parquet(s),
        context.layout().rejects(s, Stage.PARQUET))).toList();
  }

  @Override
  public boolean resultsPresent(StageContext context) {
    try {
      for (String split : SPLITS) {
        for (String line : Files.readAllLines(context.layout().dataList(split))) {
          if (!Files.exists(context.layout().root().resolve(line))) {
            return false;
          }
        }
      }
      return true;
    } catch (IOException e) {
      return false; // no list, or none that can be read
    }
  }

  @Override
  public Share work(StageContext context, Step.Shard shard) throws IOException, InterruptedException {
    List<Split> splits = splits(context);
    Tally tally = new Tally(context.progress(), Stage.PARQUET, splits.stream().mapToInt(s -> s.share(shard)).sum());
    Share done = new Share(0, 0);
    ParquetFile.Layout form = layout(context);
    UtteranceFilter filter = new UtteranceFilter(context.config().datasetConf().filterConf());
    try (Workers workers = Workers.start(filesAtOnce(form.rowGroupBytes()))) {
      for (Split split : splits) {
        split.parts().begin(shard);
        List<Shard> files = split.parts().of(shard).stream().map(split.files()::get)
            .filter(f -> !Files.exists(split.parts().file(f.number()))).toList();
        int found = split.share(shard) - files.stream().mapToInt(f -> f.utterances().size()).sum();
        tally.add(found, "rows");
        done = done.plus(new Share(split.share(shard), found));
        if (!files.isEmpty()) {
          try (RowSource rows = RowSource.open(context.layout(), split.name())) {
            workers.map(files, f -> {
              f.write(split.parts(), rows, form, filter);
              return f.utterances().size();
            }, (f, written) -> tally.add(written, "rows"));
          }
        }
      }
    }
    return done;
  }

  private static long bytes(StageContext context) {
    return context.config().datasetConf().parquetBytes();
  }

  private static ParquetFile.Layout layout(StageContext context) {
    FlowConfig.Dataset config = context.config().datasetConf();
    return new ParquetFile.Layout(config.rowGroupBytes(), config.compression());
  }

  /** A writer holds a row group and more while it compresses; half of the heap is for the rest. */
  private static int filesAtOnce(long rowGroupBytes) {
    return Math.clamp(Runtime.getRuntime().maxMemory() / 2 / Math.max(1, 3 * rowGroupBytes), 1, 1024);
  }

  @Override
  public Result merge(StageContext context) throws IOException {
    RunLayout layout = context.layout();
    Map<String, Object> counts = new LinkedHashMap<>();
    InputHash outputHash = InputHash.start().add(inputHash(context));
    List<Split> splits = splits(context);
    for (Split split : splits) {
      split.parts().requireAll(Stage.PARQUET);
      split.parts().removeOthers(context.progress());
    }
    Map<String, Rejects> dropped = dropped(context, splits);
    for (Split split : splits) {
      counts.put(split.name() + "Dropped", dropped.get(split.name()).byReason());
      finish(layout, split, counts);
      outputHash.file(layout.dataList(split.name())).file(layout.parquet(split.name()).resolve("utt2num_frames"));
    }
    return new Result(counts, outputHash.hex());
  }

  @Override
  public void removeParts(StageContext context) throws IOException {
    for (String split : SPLITS) {
      Parts.remove(context.layout().parquet(split), inputHash(context));
    }
  }

  /** The files that a split is cut into; each is a part. */
  private record Split(String name, List<Shard> files, Parts parts) {
    int share(Step.Shard shard) {
      return parts.of(shard).stream().mapToInt(p -> files.get(p).utterances().size()).sum();
    }
  }

  private List<Split> splits(StageContext context) throws IOException {
    String inputHash = inputHash(context);
    List<Split> splits = new ArrayList<>();
    for (String name : SPLITS) {
      List<Shard> files = Shard.plan(KaldiFolder.read(context.layout().data(name)),
          bytes(context));
      splits.add(new Split(name, files, new Parts(context.layout().parquet(name), inputHash, files.size())));
    }
    return splits;
  }

  private static Map<String, Rejects> dropped(StageContext context, List<Split> splits) throws IOException {
    Map<String, Rejects> dropped = new LinkedHashMap<>();
    int utterances = 0;
    for (Split split : splits) {
      Rejects rejects = new Rejects(context.layout().rejects(split.name(), Stage.PARQUET));
      for (Shard shard : split.files()) {
        shard.written(split.parts()).dropped().forEach(rejects::add);
        utterances += shard.utterances().size();
      }
      rejects.write();
      dropped.put(split.name(), rejects);
    }
    Rejects.requireAtMost(context.config().prepareConf().maxRejectFraction(), utterances, dropped.values());
    return dropped;
  }

  private static void finish(RunLayout layout, Split split, Map<String, Object> counts) throws IOException {
    Path folder = layout.parquet(split.name());
    StringBuilder list = new StringBuilder();
    StringBuilder frames = new StringBuilder();
    Set<Path> files = new HashSet<>();
    int rows = 0;
    long sum = 0;
    for (Shard shard : split.files()) {
      Shard.Written written = shard.written(split.parts());
      if (!written.frames().isEmpty()) {
        files.add(folder.resolve(shard.file()));
        list.append(layout.root().relativize(folder.resolve(shard.file()))).append('\n');
      }
      for (Map.Entry<String, Integer> row : written.frames().entrySet()) {
        frames.append(row.getKey()).append(' ').append(row.getValue()).append('\n');
        rows++;
        sum += row.getValue();
      }
    }
    if (rows == 0) {
      throw new StageFailure(ExitCode.BAD_DATA, "NoData", "no utterance of " + split.name() + " is left ("
          + counts.get(split.name() + "Dropped") + "); give longer recordings, or widen dataset_conf.filter_conf");
    }
    replace(folder, files, split.parts());
    WholeFile.text(folder.resolve("utt2num_frames"), frames.toString());
    WholeFile.text(layout.dataList(split.name()), list.toString());
    counts.put(split.name() + "Utterances", rows);
    counts.put(split.name() + "Files", list.toString().lines().count());
    counts.put(split.name() + "Frames", sum);
  }

  /** The files take the place of those of an older result. A merge that was interrupted here has moved some already. */
  private static void replace(Path folder, Set<Path> files, Parts parts) throws IOException {
    Files.createDirectories(folder);
    try (var old = Files.newDirectoryStream(folder)) {
      for (Path file : old) {
        if (!files.contains(file)) {
          Files.delete(file);
        }
      }
    }
    for (Path file : files) {
      Path part = parts.folder().resolve(file.getFileName());
      if (Files.exists(part)) {
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } else if (!Files.exists(file)) {
        throw new StageFailure(ExitCode.MISSING, "PartDamaged", part + " is not there although its list is; remove "
            + parts.folder() + " and run the stage again");
      }
    }
  }
}
