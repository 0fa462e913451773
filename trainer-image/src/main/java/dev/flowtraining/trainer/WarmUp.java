package dev.flowtraining.trainer;

import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * {@code flow-trainer warm-up}: a few made-up recordings through stages 0 to 3, so that the JVM can keep what it loaded
 * and learned (an AOT cache, which bin/flow-trainer asks for) and the next start takes half of the time.
 */
final class WarmUp {
  static final String NAME = "warm-up";
  private static final int RECORDINGS = 8;
  private static final int RATE = 24_000; // so that resampling is among what is learned

  private WarmUp() {}

  /** @return the exit code of the stage that failed, or 0 */
  static int run(Map<String, String> env) throws IOException {
    Path folder = Files.createTempDirectory("flow-trainer-warm-up");
    try {
      recordings(folder.resolve("in"));
      String run = folder.resolve("run").toString();
      // a command line that is wrong, too: the classes of that failure belong to those of any command line
      new FlowTrainer(env).exitCode("prepare-data", "--no-such-option");
      for (Stage stage : List.of(Stage.PREPARE_DATA, Stage.SPEAKER_EMBEDDING, Stage.SPEECH_TOKENS, Stage.PARQUET)) {
        List<String> line = new ArrayList<>(List.of(stage.id(), "--run-dir", run, "--preset", "tiny"));
        if (stage == Stage.PREPARE_DATA) {
          line.addAll(List.of("--train", folder.resolve("in").toString(), "--dev-fraction", "0.25"));
        }
        int code = new FlowTrainer(env).exitCode(line.toArray(String[]::new));
        if (code != 0) {
          return code;
        }
      }
      return 0;
    } finally {
      Removal.of(folder);
    }
  }

  private static void recordings(Path folder) throws IOException {
    Random random = new Random(1);
    StringBuilder scp = new StringBuilder();
    StringBuilder text = new StringBuilder();
    StringBuilder speakers = new StringBuilder();
    for (int i = 0; i < RECORDINGS; i++) {
      float[] samples = new float[2 * RATE];
      for (int k = 0; k < samples.length; k++) {
        samples[k] = (float) (0.1 * random.nextGaussian() * (1.1 + Math.sin(k * (1 + i) / 5000.0)));
      }
      WholeFile.bytes(folder.resolve(i + ".wav"), Wav.encode(new Waveform(samples, RATE)));
      scp.append("noise-%02d %d.wav\n".formatted(i, i));
      text.append("noise-%02d made up\n".formatted(i));
      speakers.append("noise-%02d speaker-%d\n".formatted(i, i % 3));
    }
    WholeFile.text(folder.resolve("wav.scp"), scp.toString());
    WholeFile.text(folder.resolve("text"), text.toString());
    WholeFile.text(folder.resolve("utt2spk"), speakers.toString());
  }
}
