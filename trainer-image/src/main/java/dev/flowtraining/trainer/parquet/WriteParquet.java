package dev.flowtraining.trainer.parquet;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.InputHash;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.StageContext;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.StageRecord;
import dev.flowtraining.trainer.StageTask;
import dev.flowtraining.trainer.WholeFile;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.KaldiFolder;
import dev.flowtraining.trainer.data.Tally;
import dev.flowtraining.trainer.data.Utterance;
import dev.flowtraining.trainer.data.UtteranceFilter;
import dev.flowtraining.trainer.data.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Stage 3: everything about an utterance in one row of {@code parquet/<split>/parquet_%09d.tar}, with {@code data.list}
 * (paths relative to the run directory) and {@code utt2num_frames} (mel frames after the trim, in the rows' order).
 */
public final class WriteParquet implements StageTask {
  private static final int FORMAT = 2;
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
  public Result run(StageContext context) throws IOException, InterruptedException {
    RunLayout layout = context.layout();
    String inputHash = inputHash(context);
    Map<String, List<Utterance>> splits = new LinkedHashMap<>();
    for (String split : SPLITS) {
      splits.put(split, KaldiFolder.read(layout.data(split)));
    }
    Tally tally = new Tally(context.progress(), Stage.PARQUET, splits.values().stream().mapToInt(List::size).sum());
    ParquetFile.Layout form = layout(context);
    UtteranceFilter filter = new UtteranceFilter(context.config().datasetConf().filterConf());
    Map<String, Object> counts = new LinkedHashMap<>();
    InputHash outputHash = InputHash.start().add(inputHash);
    try (Workers workers = Workers.start(filesAtOnce(form.rowGroupBytes()))) {
      for (Map.Entry<String, List<Utterance>> split : splits.entrySet()) {
        List<Shard> shards = Shard.plan(split.getValue(), bytes(context));
        try (RowSource rows = RowSource.open(layout, split.getKey())) {
          write(layout, split.getKey(), shards, inputHash, workers, tally, shard -> shard.write(
              layout.parquet(split.getKey()), rows, form, filter));
        }
        finish(layout, split.getKey(), shards, counts);
        outputHash.file(layout.dataList(split.getKey()))
            .file(layout.parquet(split.getKey()).resolve("utt2num_frames"));
      }
    }
    return new Result(counts, outputHash.hex());
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

  /** One file after the other on each core. A file counts as written when its list of frames is beside it. */
  private static void write(RunLayout layout, String split, List<Shard> shards, String inputHash,
      Workers workers, Tally tally, Workers.Work<Shard, Integer> work) throws IOException, InterruptedException {
    Path folder = layout.parquet(split);
    Files.createDirectories(folder);
    Path key = folder.resolve("input_hash");
    if (!Files.exists(key) || !Files.readString(key).equals(inputHash)) {
      clear(folder);
      WholeFile.text(key, inputHash);
    }
    workers.map(shards, work, (shard, written) -> tally.add(written, "rows"));
  }

  private static void clear(Path folder) throws IOException {
    try (var files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
  }

  private static void finish(RunLayout layout, String split, List<Shard> shards, Map<String, Object> counts)
      throws IOException {
    Path folder = layout.parquet(split);
    StringBuilder list = new StringBuilder();
    StringBuilder frames = new StringBuilder();
    Map<String, Integer> dropped = new TreeMap<>();
    int rows = 0;
    long sum = 0;
    for (Shard shard : shards) {
      Shard.Written written = shard.written(folder);
      if (!written.frames().isEmpty()) {
        list.append(layout.root().relativize(shard.file(folder))).append('\n');
      }
      for (Map.Entry<String, Integer> row : written.frames().entrySet()) {
        frames.append(row.getKey()).append(' ').append(row.getValue()).append('\n');
        rows++;
        sum += row.getValue();
      }
      written.dropped().values().forEach(reason -> dropped.merge(reason, 1, Integer::sum));
    }
    if (rows == 0) {
      throw new StageFailure(ExitCode.BAD_DATA, "NoData", "no utterance of " + split
          + " is left (" + dropped + "); give longer recordings, or widen dataset_conf.filter_conf");
    }
    WholeFile.text(folder.resolve("utt2num_frames"), frames.toString());
    WholeFile.text(layout.dataList(split), list.toString());
    counts.put(split + "Utterances", rows);
    counts.put(split + "Files", list.toString().lines().count());
    counts.put(split + "Frames", sum);
    counts.put(split + "Dropped", dropped);
  }
}
