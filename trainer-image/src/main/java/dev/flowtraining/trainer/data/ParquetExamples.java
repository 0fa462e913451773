package dev.flowtraining.trainer.data;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.parquet.ParquetFile;
import dev.flowtraining.trainer.parquet.UtteranceRow;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.LocalInputFile;

/**
 * A split's utterances in Parquet files. Lengths come from {@code utt2num_frames} beside {@code data.list}; without it
 * (files from elsewhere) every utterance is decoded once. Finished examples stay in memory when all of them fit in a
 * quarter of the heap; otherwise the files read last do, within another quarter.
 */
public final class ParquetExamples implements Examples {
  private record Place(int file, int row) {}

  private final List<Path> paths = new ArrayList<>();
  private final List<int[]> files = new ArrayList<>();
  private final List<Place> places = new ArrayList<>();
  private final int[] frames;
  private final ExampleLoader loader;
  private final int vocabSize;
  private final int speakerDim;
  private final Map<String, String> dropped = new ConcurrentHashMap<>();
  private final Map<Integer, Optional<Example>> cache = new ConcurrentHashMap<>();
  private final boolean cached;
  private final LinkedHashMap<Integer, List<UtteranceRow>> openFiles = new LinkedHashMap<>(16, 0.75f, true);
  private final long openFilesBytes = Runtime.getRuntime().maxMemory() / 4;

  /**
   * @param split {@code train} or {@code dev}
   * @throws StageFailure {@code DataNotFound} without Parquet files, {@code NoData} without a usable utterance
   */
  public ParquetExamples(RunLayout layout, String split, FlowConfig config) throws IOException {
    loader = new ExampleLoader(config.datasetConf(), config.model().outputSize());
    vocabSize = config.model().vocabSize();
    speakerDim = config.model().spkEmbedDim();
    Path list = layout.dataList(split);
    if (!Files.isRegularFile(list)) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound", list + " is not there; run the stage parquet first");
    }
    for (String line : Files.readAllLines(list)) {
      if (!line.isBlank()) {
        add(layout.root().resolve(line.strip()));
      }
    }
    frames = frames(list.resolveSibling("utt2num_frames"));
    if (frames.length == 0) {
      throw new StageFailure(ExitCode.BAD_DATA, "NoData", "the split " + split + " has no utterance (" + list + ")");
    }
    long bytes = Arrays.stream(frames).mapToLong(f -> (long) f * config.model().outputSize() * Float.BYTES).sum();
    cached = bytes < Runtime.getRuntime().maxMemory() / 4;
  }

  private void add(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new StageFailure(ExitCode.MISSING, "DataNotFound",
          path + " is in data.list but not there; run the stage parquet again");
    }
    int rows = rows(path);
    int file = paths.size();
    files.add(IntStream.range(places.size(), places.size() + rows).toArray());
    IntStream.range(0, rows).forEach(row -> places.add(new Place(file, row)));
    paths.add(path);
  }

  private static int rows(Path path) throws IOException {
    var options = ParquetReadOptions.builder(new PlainParquetConfiguration()).withCodecFactory(null).build();
    try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(path), options)) {
      return Math.toIntExact(reader.getRecordCount());
    } catch (RuntimeException e) {
      throw new StageFailure(ExitCode.BAD_DATA, "UnreadableParquet",
          path + " is no Parquet file or is damaged (" + e.getMessage() + "); run the stage parquet again", e);
    }
  }

  private int[] frames(Path utt2numFrames) throws IOException {
    if (Files.isRegularFile(utt2numFrames)) {
      int[] known = Files.readAllLines(utt2numFrames).stream().filter(l -> !l.isBlank())
          .mapToInt(l -> Integer.parseInt(l.strip().split("\\s+")[1])).toArray();
      if (known.length != places.size()) {
        throw new StageFailure(ExitCode.BAD_DATA, "UnreadableParquet", utt2numFrames + " names " + known.length
            + " utterances, the Parquet files hold " + places.size() + "; run the stage parquet again");
      }
      return known;
    }
    int[] computed = new int[places.size()];
    for (int i = 0; i < computed.length; i++) {
      // an unusable utterance keeps length 0: it costs nothing in a batch and is dropped when it is loaded
      computed[i] = load(i).map(Example::frames).orElse(0);
    }
    return computed;
  }

  @Override
  public int[] frames() {
    return frames;
  }

  @Override
  public List<int[]> files() {
    return files;
  }

  @Override
  public Optional<Example> load(int index) {
    Optional<Example> known = cache.get(index);
    if (known != null) {
      return known;
    }
    Optional<Example> example = decode(index);
    if (cached) {
      cache.put(index, example);
    }
    return example;
  }

  private Optional<Example> decode(int index) {
    Place place = places.get(index);
    UtteranceRow row = rowsOf(place.file()).get(place.row());
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
      dropped.put(row.utt(), e.reason().id() + ": " + e.getMessage());
      return Optional.empty();
    }
  }

  /** One thread reads a file while the others wait: they want the same one, as batches keep to a few files. */
  private synchronized List<UtteranceRow> rowsOf(int file) {
    List<UtteranceRow> rows = openFiles.get(file);
    if (rows == null) {
      try {
        rows = ParquetFile.read(paths.get(file));
        openFiles.put(file, rows);
        while (openFiles.size() > 1 && openBytes() > openFilesBytes) {
          openFiles.pollFirstEntry();
        }
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read " + paths.get(file), e);
      }
    }
    return rows;
  }

  private long openBytes() {
    return openFiles.values().stream().flatMap(List::stream).mapToLong(r -> r.audioData().length).sum();
  }

  @Override
  public Map<String, String> dropped() {
    return new TreeMap<>(dropped);
  }
}
