package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.parquet.RowGroups;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A split's utterances in Parquet files, of stage 3 or of CosyVoice's tools. Lengths come from {@code utt2num_frames}
 * beside {@code data.list}, where stage 3 has applied the filter; without it (files from elsewhere) every row is looked
 * at and filtered when this opens. Rows still to come of open row groups wait within an eighth of the heap; finished
 * examples stay where {@code dataset_conf.mel_cache} says.
 */
public final class ParquetExamples implements Examples {
  private final RowGroups rows;
  private final ExampleLoader loader;
  private final int vocabSize;
  private final int speakerDim;
  private final Map<String, String> dropped = new ConcurrentHashMap<>();
  /** The row of each utterance; without the rows that the filter left out. */
  private final int[] rowOf;
  private final int[] frames;
  private final ExampleCache cache;

  /**
   * @param split {@code train} or {@code dev}
   * @throws StageFailure {@code DataNotFound} without Parquet files, {@code NoData} without a usable utterance
   */
  public ParquetExamples(RunLayout layout, String split, FlowConfig config) throws IOException {
    this(paths(layout.root(), layout.dataList(split)), layout.dataList(split), config,
        count -> ExampleCache.of(config.datasetConf(), layout.melCache(), count));
  }

  /**
   * Files from anywhere, filtered as they are opened; every use of an utterance decodes it again.
   *
   * @param file a Parquet file, or a {@code data.list} that names some, one a line, relative to its folder or, in a
   *     run, to the run directory
   */
  public static ParquetExamples of(Path file, FlowConfig config) throws IOException {
    return new ParquetExamples(files(file), file, config, count -> new ExampleCache.Memory(0));
  }

  /** The files that {@link #of} reads. */
  public static List<Path> files(Path file) throws IOException {
    return file.getFileName().toString().endsWith(".list") ? paths(folderOf(file), file) : List.of(file);
  }

  private interface CacheFor {
    ExampleCache examples(int count) throws IOException;
  }

  private ParquetExamples(List<Path> files, Path named, FlowConfig config, CacheFor cache) throws IOException {
    loader = new ExampleLoader(config.datasetConf(), config.model().outputSize());
    vocabSize = config.model().vocabSize();
    speakerDim = config.model().spkEmbedDim();
    rows = new RowGroups(files, Runtime.getRuntime().maxMemory() / 8);
    Path lengths = named.resolveSibling("utt2num_frames");
    boolean list = named.getFileName().toString().endsWith(".list");
    int[] byRow = list && Files.isRegularFile(lengths) ? known(lengths) : filtered(config.datasetConf());
    rowOf = IntStream.range(0, byRow.length).filter(row -> byRow[row] > 0).toArray();
    frames = Arrays.stream(rowOf).map(row -> byRow[row]).toArray();
    if (frames.length == 0) {
      throw new StageFailure(ExitCode.BAD_DATA, "NoData", named + " has no usable utterance"
          + (dropped.isEmpty() ? "" : " (" + droppedByReason() + ")"));
    }
    this.cache = cache.examples(frames.length);
  }

  /** A list names its files relative to the run directory, two folders above it. */
  private static Path folderOf(Path list) {
    Path folder = list.toAbsolutePath().getParent();
    Path run = folder.resolve("../..").normalize();
    return list.toAbsolutePath().startsWith(run.resolve("parquet")) ? run : folder;
  }

  private static List<Path> paths(Path root, Path list) throws IOException {
    if (!Files.isRegularFile(list)) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound", list + " is not there; run the stage parquet first");
    }
    List<Path> paths = new ArrayList<>();
    for (String line : Files.readAllLines(list)) {
      if (!line.isBlank()) {
        Path path = root.resolve(line.strip());
        if (!Files.isRegularFile(path)) {
          throw new StageFailure(ExitCode.MISSING, "DataNotFound",
              path + " is in data.list but not there; run the stage parquet again");
        }
        paths.add(path);
      }
    }
    return paths;
  }

  private int[] known(Path utt2numFrames) throws IOException {
    int[] known;
    try (Stream<String> lines = Files.lines(utt2numFrames)) {
      known = lines.filter(l -> !l.isBlank()).mapToInt(l -> Integer.parseInt(l.strip().split("\\s+")[1])).toArray();
    }
    if (known.length != rows.rows()) {
      throw new StageFailure(ExitCode.BAD_DATA, "UnreadableParquet", utt2numFrames + " names " + known.length
          + " utterances, the Parquet files hold " + rows.rows() + "; run the stage parquet again");
    }
    return known;
  }

  /** Frames of every row, 0 where it is left out. */
  private int[] filtered(FlowConfig.Dataset config) {
    UtteranceFilter filter = new UtteranceFilter(config.filterConf());
    int[] frames = new int[rows.rows()];
    for (int i = 0; i < frames.length; i++) {
      UtteranceRow row = rows.take(i);
      try {
        frames[i] = filter.frames(row);
        loader.speaker(row);
      } catch (Unusable e) {
        frames[i] = 0;
        drop(row, e);
      }
    }
    return frames;
  }

  @Override
  public int[] frames() {
    return frames;
  }

  @Override
  public List<int[]> rowGroups() {
    List<int[]> groups = new ArrayList<>();
    int[] firstRows = rows.firstRows();
    int at = 0;
    for (int g = 0; g < firstRows.length; g++) {
      int from = at;
      int endRow = g + 1 < firstRows.length ? firstRows[g + 1] : rows.rows();
      while (at < rowOf.length && rowOf[at] < endRow) {
        at++;
      }
      groups.add(IntStream.range(from, at).toArray());
    }
    return groups;
  }

  @Override
  public Optional<Example> load(int index) {
    Optional<Example> kept = cache.get(index);
    if (kept.isPresent()) {
      return kept;
    }
    Optional<Example> example = decode(rows.take(rowOf[index]));
    example.ifPresent(e -> cache.put(index, e));
    return example;
  }

  private Optional<Example> decode(UtteranceRow row) {
    try {
      Example example = loader.load(row);
      int largest = Arrays.stream(example.token_2T()).max().orElse(0);
      if (largest >= vocabSize || example.speaker().length != speakerDim) {
        throw new StageFailure(ExitCode.BAD_DATA, "VocabularyMismatch", row.utt() + " has token id " + largest + " and "
            + example.speaker().length + " speaker channels; the model takes ids below " + vocabSize + " and "
            + speakerDim + " channels (model.vocab_size, model.spk_embed_dim)");
      }
      return Optional.of(example);
    } catch (Unusable e) {
      drop(row, e);
      return Optional.empty();
    }
  }

  private void drop(UtteranceRow row, Unusable why) {
    dropped.put(row.utt(), why.reason().id() + ": " + why.getMessage());
  }

  @Override
  public Map<String, String> dropped() {
    return new TreeMap<>(dropped);
  }
}
