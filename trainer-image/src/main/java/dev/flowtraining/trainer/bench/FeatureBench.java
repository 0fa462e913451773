package dev.flowtraining.trainer.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.audio.Fbank;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.audio.Resample;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.audio.WhisperMel;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Times decoding and each feature on one thread and prints a JSON line: seconds of audio per second of processor time
 * (of the whole process, so with garbage collection). {@code src/test/python/feature_bench.py} does the same in Python.
 */
@CommandLine.Command(name = "feature-bench", mixinStandardHelpOptions = true,
    description = "Times decoding, resampling and features of audio files on one thread.")
public final class FeatureBench implements Callable<Integer> {
  @Parameters(arity = "1..*", paramLabel = "FILE", description = "Recordings, in any format that is read.")
  private List<Path> files;

  @Option(names = "--seconds", defaultValue = "3",
      description = "Processor time given to each measurement, after as much to warm up.")
  private double seconds;

  private static final OperatingSystemMXBean CPU = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private final Map<String, Object> report = new LinkedHashMap<>();
  /** Keeps results from being optimised away. */
  private double sink;

  private interface Step {
    float[] run() throws IOException;
  }

  public static void main(String[] args) {
    System.exit(new CommandLine(new FeatureBench()).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    for (Path path : files) {
      byte[] bytes = Files.readAllBytes(path);
      Waveform wave = AudioFile.of(bytes).decode();
      String name = path.getFileName().toString();
      measure("decode " + name, wave.seconds(), () -> AudioFile.of(bytes).decode().samples());
      for (int rate : new int[] {Fbank.RATE, Mel.RATE}) {
        if (rate != wave.rate()) {
          measure("resample " + wave.rate() + " " + rate, wave.seconds(),
              () -> Resample.between(wave.rate(), rate).apply(wave.samples()));
        }
      }
    }
    Waveform wave = AudioFile.of(Files.readAllBytes(files.getFirst())).decode();
    float[] low = wave.at(Fbank.RATE).samples();
    float[] high = wave.at(Mel.RATE).samples();
    measure("fbank", wave.seconds(), () -> Fbank.POVEY.of(low));
    measure("whisper", wave.seconds(), () -> WhisperMel.of(low));
    measure("mel24k", wave.seconds(), () -> Mel.of(high));
    System.out.println(new ObjectMapper().writeValueAsString(report));
    return sink == 0.125 ? 1 : 0;
  }

  private void measure(String what, double audioSeconds, Step step) throws IOException {
    if (report.containsKey(what)) {
      return;
    }
    repeat(step);
    report.put(what, Math.round(audioSeconds / repeat(step)));
  }

  /** Returns the seconds that a run takes. */
  private double repeat(Step step) throws IOException {
    long start = CPU.getProcessCpuTime();
    long end = start + (long) (seconds * 1e9);
    int times = 0;
    do {
      sink += step.run()[0];
      times++;
    } while (CPU.getProcessCpuTime() < end);
    return (CPU.getProcessCpuTime() - start) / 1e9 / times;
  }
}
