package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.RunLayout;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.config.ConfigLoader;
import dev.flowtraining.trainer.data.Stages;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;

/** Recordings made here, and a validation as lines of severity, check and subject. */
final class Sounds {
  private static final int RATE = 16_000;

  private Sounds() {}

  static byte[] wav(int seed, double seconds) {
    return wav(seed, seconds, x -> x);
  }

  /** Noise at half scale through a function. */
  static byte[] wav(int seed, double seconds, DoubleUnaryOperator change) {
    Random random = new Random(seed);
    float[] samples = new float[(int) (seconds * RATE)];
    for (int i = 0; i < samples.length; i++) {
      samples[i] = (float) change.applyAsDouble(random.nextDouble() - 0.5);
    }
    return Wav.encode(new Waveform(samples, RATE));
  }

  static void validate(Path run, Path train, Path dev, PrintStream out) throws Exception {
    new Validate(new RunLayout(run), Stages.options(train, dev, null, null), ConfigLoader.load("tiny", null), out).run();
  }

  static List<String> validate(Path run, Path train, Path dev) throws Exception {
    try {
      validate(run, train, dev, new PrintStream(PrintStream.nullOutputStream()));
    } catch (StageFailure e) {
      if (!e.reason().equals("InvalidData")) {
        throw e;
      }
    }
    return Files.readAllLines(run.resolve("validate/findings.tsv")).stream().skip(1).map(l -> l.split("\t"))
        .map(f -> f[0] + " " + f[1] + " " + f[3].substring(f[3].lastIndexOf('/') + 1)).toList();
  }
}
