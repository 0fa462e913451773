package dev.flowtraining.trainer.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.flowtraining.trainer.FlowTrainer;
import dev.flowtraining.trainer.Stage;
import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.data.KaldiTable;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/**
 * Whether much data fits into a small heap: short clips of a Kaldi folder under many new names, through stages 0 to 3
 * and epochs of batches, each in a JVM of its own. Prints a JSON line for each; ends with the first that fails.
 */
@CommandLine.Command(name = "memory-bench", mixinStandardHelpOptions = true,
    description = "Repeats short clips under new names; stages 0 to 3 and two epochs of batches in a small heap.")
public final class MemoryBench implements Callable<Integer> {
  private static final Pattern AFTER_GC = Pattern.compile("->(\\d+)M\\(");

  @Option(names = "--source", required = true, description = "A folder with wav.scp, text and utt2spk.")
  private Path source;

  @Option(names = "--work", required = true, description = "An empty folder for the input and the run.")
  private Path work;

  @Option(names = "--utterances", defaultValue = "100000", description = "How many.")
  private int utterances;

  @Option(names = "--min-seconds", defaultValue = "1", description = "Shortest clip.")
  private double minSeconds;

  @Option(names = "--max-seconds", defaultValue = "2", description = "Longest clip.")
  private double maxSeconds;

  @Option(names = "--heap", defaultValue = "1g", description = "-Xmx of each.")
  private String heap;

  @Option(names = "--preset", defaultValue = "tiny", description = "As flow-trainer has it.")
  private String preset;

  public static void main(String[] args) {
    System.exit(new CommandLine(new MemoryBench()).execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path input = work.resolve("input").toAbsolutePath();
    Path run = work.resolve("run").toAbsolutePath();
    System.out.println(new ObjectMapper().writeValueAsString(repeat(input)));
    for (Stage stage : List.of(Stage.PREPARE_DATA, Stage.SPEAKER_EMBEDDING, Stage.SPEECH_TOKENS, Stage.PARQUET)) {
      List<String> args = new ArrayList<>(List.of(stage.id(), "--run-dir", run.toString(), "--preset", preset));
      if (stage == Stage.PREPARE_DATA) {
        args.addAll(List.of("--train", input.toString()));
      }
      if (!measured(stage.id(), FlowTrainer.class, args)) {
        return 1;
      }
    }
    return measured("two epochs of batches", DataBench.class,
        List.of("--run-dir", run.toString(), "--preset", preset, "--workers", "2", "--epochs", "2")) ? 0 : 1;
  }

  private Map<String, Object> repeat(Path input) throws IOException {
    Map<String, String> wavs = KaldiTable.read(source.resolve("wav.scp"), KaldiTable.Value.REQUIRED);
    Map<String, String> text = KaldiTable.read(source.resolve("text"), KaldiTable.Value.REQUIRED);
    Map<String, String> speakers = KaldiTable.read(source.resolve("utt2spk"), KaldiTable.Value.REQUIRED);
    List<String> clips = new ArrayList<>();
    double seconds = 0;
    for (Map.Entry<String, String> wav : wavs.entrySet()) {
      double length = AudioFile.of(Files.readAllBytes(source.resolve(wav.getValue()))).info().seconds();
      if (length >= minSeconds && length <= maxSeconds) {
        clips.add(wav.getKey());
        seconds += length;
      }
    }
    if (clips.isEmpty()) {
      throw new IOException(source + " has no clip of " + minSeconds + " to " + maxSeconds + " seconds");
    }
    Files.createDirectories(input);
    try (BufferedWriter scp = Files.newBufferedWriter(input.resolve("wav.scp"));
        BufferedWriter words = Files.newBufferedWriter(input.resolve("text"));
        BufferedWriter utt2spk = Files.newBufferedWriter(input.resolve("utt2spk"))) {
      for (int i = 0; i < utterances; i++) {
        String clip = clips.get(i % clips.size());
        String utt = "%s-%07d-%s".formatted(speakers.get(clip), i, clip);
        scp.write(utt + " " + source.toAbsolutePath().resolve(wavs.get(clip)) + "\n");
        words.write(utt + " " + text.get(clip) + "\n");
        utt2spk.write(utt + " " + speakers.get(clip) + "\n");
      }
    }
    Map<String, Object> r = new LinkedHashMap<>();
    r.put("utterances", utterances);
    r.put("clips", clips.size());
    r.put("hours", Math.round(seconds / clips.size() * utterances / 36) / 100.0);
    return r;
  }

  private boolean measured(String what, Class<?> main, List<String> args) throws IOException, InterruptedException {
    Path gc = work.resolve("gc.log");
    Files.deleteIfExists(gc);
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx" + heap, "-XX:+CrashOnOutOfMemoryError", "-Xlog:gc:file=" + gc, "--enable-native-access=ALL-UNNAMED",
        "-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(args);
    Path log = work.resolve(what.replace(' ', '-') + ".log");
    long start = System.nanoTime();
    Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    long rss = 0;
    Duration cpu = Duration.ZERO;
    while (process.isAlive()) {
      rss = Math.max(rss, rss(process.pid()));
      cpu = process.info().totalCpuDuration().orElse(cpu);
      Thread.sleep(200);
    }
    Map<String, Object> r = new LinkedHashMap<>();
    r.put("what", what);
    r.put("exit", process.exitValue());
    r.put("seconds", Math.round((System.nanoTime() - start) / 1e8) / 10.0);
    r.put("cpu_seconds", cpu.toMillis() / 1000.0);
    r.put("max_heap", heap);
    r.put("peak_heap_after_gc_mib", afterGc(gc));
    r.put("peak_rss_mib", rss >> 10);
    List<String> lines = Files.readAllLines(log);
    r.put("last_line", lines.isEmpty() ? "" : lines.getLast());
    System.out.println(new ObjectMapper().writeValueAsString(r));
    return process.exitValue() == 0;
  }

  /** The largest heap that a collection left, MiB: what is live, and garbage that waits for a later collection. */
  private static long afterGc(Path gc) throws IOException {
    try (Stream<String> lines = Files.lines(gc)) {
      return lines.map(AFTER_GC::matcher).filter(Matcher::find).mapToLong(m -> Long.parseLong(m.group(1))).max()
          .orElse(0);
    }
  }

  /** KiB; 0 when it has ended. */
  private static long rss(long pid) {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/status"))) {
      return lines.filter(l -> l.startsWith("VmHWM"))
          .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", ""))).findFirst().orElse(0);
    } catch (IOException | RuntimeException e) {
      return 0;
    }
  }
}
