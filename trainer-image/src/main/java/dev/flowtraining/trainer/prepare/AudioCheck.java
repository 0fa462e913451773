package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.audio.Wav;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;

/**
 * Whether a recording can be used.
 *
 * @param minRate Hz; the released models refuse to be fed upsampled audio, the built-in ones take any rate
 */
record AudioCheck(FlowConfig.Prepare config, int minRate) {
  private static final long LARGEST = Integer.MAX_VALUE - 64;

  /** Either the duration or the reason. */
  record Outcome(double seconds, int rate, Reject reject) {}

  Outcome of(Utterance u) {
    try {
      Waveform wave = decode(u);
      double seconds = wave.seconds();
      if (seconds < config.minSeconds()) {
        throw new Unusable(RejectReason.TOO_SHORT, seconds + " s; prepare_conf.min_seconds is " + config.minSeconds());
      }
      if (seconds > config.maxSeconds()) {
        throw new Unusable(RejectReason.TOO_LONG, seconds + " s; prepare_conf.max_seconds is " + config.maxSeconds());
      }
      if (wave.rate() < minRate) {
        throw new Unusable(RejectReason.LOW_SAMPLE_RATE, wave.rate() + " Hz; the models want " + minRate + " at least");
      }
      if (wave.peak() == 0) {
        throw new Unusable(RejectReason.SILENT, "every sample is 0");
      }
      return new Outcome(seconds, wave.rate(), null);
    } catch (Unusable e) {
      return new Outcome(0, 0, new Reject(u.utt(), e.reason(), u.wav() + ": " + e.getMessage()));
    }
  }

  private static Waveform decode(Utterance u) throws Unusable {
    byte[] file;
    try {
      if (Files.isDirectory(u.wav())) {
        throw new Unusable(RejectReason.UNREADABLE_WAV, "is a folder");
      }
      if (Files.size(u.wav()) > LARGEST) {
        throw new Unusable(RejectReason.TOO_LONG, "more than 2 GiB");
      }
      file = Files.readAllBytes(u.wav());
    } catch (NoSuchFileException e) {
      throw new Unusable(RejectReason.MISSING_WAV, "there is no such file");
    } catch (Unusable e) {
      throw e;
    } catch (IOException e) {
      throw new Unusable(RejectReason.UNREADABLE_WAV, e.toString());
    }
    return Wav.decode(file);
  }
}
