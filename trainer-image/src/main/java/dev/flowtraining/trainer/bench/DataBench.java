package dev.flowtraining.trainer.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.EpochPlan;
import dev.flowtraining.trainer.data.ParquetExamples;
import dev.flowtraining.trainer.data.PaddedBatch;
import dev.flowtraining.trainer.data.Prefetch;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Times the data pipeline alone, from Parquet to padded batches, and prints a JSON line for each epoch. */
@CommandLine.Command(name = "data-bench", mixinStandardHelpOptions = true,
    description = "Reads epochs of batches of a run whose stages 0 to 3 are done, with 1, 2 and 4 workers.")
public final class DataBench implements Callable<Integer> {
  @Option(names = "--run-dir", required = true, description = "A run with Parquet files.")
  private Path runDir;

  @Option(names = "--preset", defaultValue = "tiny", description = "As flow-trainer has it.")
  private String preset;

  @Option(names = "--config", description = "As flow-trainer has it.")
  private Path config;

  @Option(names = "--workers", split = ",", defaultValue = "1,2,4", description = "dataset_conf.num_workers, in turn.")
  private List<Integer> workers;

  @Option(names = "--epochs", defaultValue = "1", description = "Epochs for each number of workers.")
  private int epochs;

  @Option(names = "--places", defaultValue = "1", description = "accum_grad times ranks; the first place is read.")
  private int places;

  @Option(names = "--all-places", description = "Reads all places, as one rank that accumulates them.")
  private boolean allPlaces;

  public static void main(String[] args) {
    System.exit(new CommandLine(new DataBench()).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    FlowConfig settings = ConfigLoader.load(config == null ? preset : null, config);
    for (int n : workers) {
      ParquetExamples examples = new ParquetExamples(new RunLayout(runDir), "train", settings);
      for (int epoch = 0; epoch < epochs; epoch++) {
        System.out.println(new ObjectMapper().writeValueAsString(epoch(examples, settings, n, epoch)));
      }
    }
    return 0;
  }

  private Map<String, Object> epoch(ParquetExamples examples, FlowConfig settings, int threads, int epoch) {
    FlowConfig.Dataset dataset = settings.datasetConf();
    long cpuStart = cpuNanos();
    long start = System.nanoTime();
    EpochPlan plan = EpochPlan.of(examples.frames(), examples.rowGroups(),
        new EpochPlan.Sizes(dataset.maxFramesInBatch(), dataset.shuffleSize(), dataset.sortSize()),
        settings.trainConf().seed(), epoch, places);
    List<int[]> mine = new ArrayList<>();
    for (int step = 0; step < plan.steps().size(); step++) {
      mine.addAll(allPlaces ? plan.steps().get(step) : plan.ofRank(step, 0, places));
    }
    long utterances = 0;
    long valid = 0;
    long padded = 0;
    int digest = 1;
    double waited;
    try (var source = new Prefetch<int[], Optional<PaddedBatch>>(mine, b -> bytes(b, examples.frames()),
        b -> batch(b, examples), threads, dataset.prefetch(), (long) dataset.prefetchMib() << 20)) {
      while (source.hasNext()) {
        Optional<PaddedBatch> batch = source.next();
        if (batch.isPresent()) {
          PaddedBatch b = batch.get();
          utterances += b.size();
          valid += b.validFrames();
          padded += (long) b.size() * b.frames();
          digest = 31 * (31 * digest + b.utts().hashCode()) + Arrays.hashCode(b.mel_BFC());
        }
      }
      waited = source.waitSeconds();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    Map<String, Object> r = new LinkedHashMap<>();
    r.put("workers", threads);
    r.put("epoch", epoch);
    r.put("mel_cache", dataset.melCache());
    r.put("batches", mine.size());
    r.put("utterances", utterances);
    r.put("dropped", examples.droppedByReason());
    r.put("padding_efficiency", round((double) valid / padded, 4));
    r.put("seconds", round(seconds, 3));
    r.put("cpu_seconds", round((cpuNanos() - cpuStart) / 1e9, 2));
    r.put("wait_seconds", round(waited, 3));
    r.put("audio_seconds_per_s", round(valid * (double) Mel.HOP / Mel.RATE / seconds, 1));
    r.put("utterances_per_s", round(utterances / seconds, 1));
    r.put("batches_digest", Integer.toHexString(digest)); // the same for any number of workers
    r.put("max_heap_mib", Runtime.getRuntime().maxMemory() >> 20);
    r.put("peak_rss_mib", peakRss() >> 10);
    return r;
  }

  private static Optional<PaddedBatch> batch(int[] indices, ParquetExamples examples) {
    var loaded = Arrays.stream(indices).mapToObj(examples::load).flatMap(Optional::stream).toList();
    return loaded.isEmpty() ? Optional.empty() : Optional.of(PaddedBatch.of(loaded));
  }

  private static long bytes(int[] indices, int[] frames) {
    return (long) indices.length * Arrays.stream(indices).map(i -> frames[i]).max().orElse(0) * Mel.BINS * Float.BYTES;
  }

  private static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  /** KiB, since the process began. */
  private static long peakRss() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(l -> l.startsWith("VmHWM"))
          .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", ""))).findFirst().orElse(0);
    } catch (IOException e) {
      return 0; // not Linux
    }
  }

  private static double round(double value, int digits) {
    double scale = Math.pow(10, digits);
    return Math.round(value * scale) / scale;
  }
}
