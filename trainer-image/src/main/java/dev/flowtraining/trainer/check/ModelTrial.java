package dev.flowtraining.trainer.check;

import dev.flowtraining.trainer.ExitCode;
import dev.flowtraining.trainer.StageFailure;
import dev.flowtraining.trainer.audio.Mel;
import dev.flowtraining.trainer.models.TokenizerFolder;
import dev.flowtraining.trainer.speaker.OnnxSpeakerEncoder;
import dev.flowtraining.trainer.tokens.Vq02;
import dev.flowtraining.trainer.tokens.Vq06;
import dev.flowtraining.trainer.torch.StateDictFile;
import dev.flowtraining.trainer.torch.Torch;
import dev.flowtraining.trainer.vocoder.HiFT;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Opens released models and runs each on a second of sound. The row says what it is and how long that took.
 *
 * @param baseOrNull the folder that paths are shown relative to; null shows them as they are
 * @param device {@code cpu}, {@code cuda}, {@code cuda:N} or {@code auto}
 */
record ModelTrial(Path baseOrNull, String device) {
  private static final int RATE = 16_000;
  private static final String TODO = "take a file of the release, or builtin";

  Row speakerEncoder(String what, Path file) {
    return row(what, file, () -> {
      try (OnnxSpeakerEncoder encoder = new OnnxSpeakerEncoder(file, device)) {
        return encoder.describe() + timed(() -> encoder.embed(second()));
      }
    });
  }

  Row vq06(String what, Path file) {
    return row(what, file, () -> {
      try (Vq06 vq06 = Vq06.open(file, device)) {
        return vq06.describe() + timed(() -> vq06.codes(second()));
      }
    });
  }

  Row vq02(String what, TokenizerFolder files) {
    return row(what, files.weights() != null ? files.weights() : files.chunkEncoder(), () -> {
      try (Vq02 vq02 = Vq02.open(files, device)) {
        return vq02.describe() + ", " + vq02.codes() + " codes" + timed(() -> vq02.codes(second()));
      }
    });
  }

  Row vocoder(String what, Path file) {
    return row(what, file, () -> {
      try (HiFT hift = new HiFT(file, Torch.start(device, 1))) {
        return hift.name() + timed(() -> hift.audio(new float[Mel.RATE / Mel.HOP * Mel.BINS]));
      }
    });
  }

  Row checkpoint(String what, Path file) {
    try {
      return Row.ok(what, shown(file) + ", " + StateDictFile.read(file).tensors().size() + " tensors");
    } catch (StageFailure e) {
      return Row.failed(what, "use another checkpoint", e);
    }
  }

  /** How a file is shown: its path and size. */
  String file(Path file) throws IOException {
    return shown(file) + ", " + new DiskSize(Files.size(file));
  }

  private Path shown(Path file) {
    return baseOrNull == null ? file : baseOrNull.relativize(file);
  }

  @FunctionalInterface
  private interface Trial {
    String run() throws IOException;
  }

  @FunctionalInterface
  private interface Work {
    Object run() throws IOException;
  }

  private Row row(String what, Path file, Trial trial) {
    try {
      return Row.ok(what, file(file) + ": " + trial.run());
    } catch (StageFailure e) {
      return Row.failed(what, TODO, e);
    } catch (IOException e) {
      return Row.failed(what, TODO, new StageFailure(ExitCode.MISSING, "ModelUnreadable", file + ": " + e, e));
    }
  }

  /** The second run: the first one also sets things up. */
  private static String timed(Work work) throws IOException {
    work.run();
    long start = System.nanoTime();
    work.run();
    return "; 1 s of audio in %.1f ms".formatted((System.nanoTime() - start) / 1e6);
  }

  /** A tone that glides from 100 to 4000 Hz. */
  private static float[] second() {
    float[] samples = new float[RATE];
    for (int i = 0; i < RATE; i++) {
      double t = i / (double) RATE;
      samples[i] = (float) (0.5 * Math.sin(2 * Math.PI * (100 * t + 1950 * t * t)));
    }
    return samples;
  }
}
