package dev.flowtraining.trainer.prepare;

import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.config.FlowConfig;
import dev.flowtraining.trainer.data.Reject;
import dev.flowtraining.trainer.data.RejectReason;
import dev.flowtraining.trainer.data.Unusable;
import dev.flowtraining.trainer.data.Utterance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Whether a recording can be used. Length and rate are judged before anything is decoded.
 *
 * @param minRate Hz; the released models refuse to be fed upsampled audio, the built-in ones take any rate
 */
record AudioCheck(FlowConfig.Prepare config, int minRate) {
  /** The largest that is expected of a second of audio: 192 kHz, two channels of 32 bits. */
  private static final int BYTES_PER_SECOND = 192_000 * 2 * 4;
  /** For headers and tags, which may hold a picture. */
  private static final int BYTES_OF_HEADERS = 16 << 20;

  /** Either the duration or the reason. */
  record Outcome(double seconds, int rate, Reject reject) {}

  Outcome of(Utterance u) {
    try {
      AudioFile file = AudioFile.of(read(u.wav()));
      file.format().requireName(u.wav().getFileName().toString());
      AudioFile.Info info = file.info();
      check(info);
      if (file.decode().peak() == 0) {
        throw new Unusable(RejectReason.SILENT, "every sample is 0");
      }
      return new Outcome(info.seconds(), info.rate(), null);
    } catch (Unusable e) {
      return new Outcome(0, 0, new Reject(u.utt(), e.reason(), u.wav() + ": " + e.getMessage()));
    }
  }

  private void check(AudioFile.Info info) throws Unusable {
    if (info.seconds() < config.minSeconds()) {
      throw new Unusable(RejectReason.TOO_SHORT,
          info.seconds() + " s; prepare_conf.min_seconds is " + config.minSeconds());
    }
    if (info.seconds() > config.maxSeconds()) {
      throw new Unusable(RejectReason.TOO_LONG,
          info.seconds() + " s; prepare_conf.max_seconds is " + config.maxSeconds());
    }
    if (info.rate() < minRate) {
      throw new Unusable(RejectReason.LOW_SAMPLE_RATE, info.rate() + " Hz; the released tokenizer and speaker encoder"
          + " take " + minRate + " Hz and more, the built-in ones (both 'builtin') any rate");
    }
  }

  private byte[] read(Path file) throws Unusable {
    try {
      if (Files.isDirectory(file)) {
        throw new Unusable(RejectReason.UNREADABLE_WAV, "is a folder");
      }
      long bytes = Files.size(file);
      if (bytes > Math.min(Integer.MAX_VALUE - 64, BYTES_OF_HEADERS + config.maxSeconds() * BYTES_PER_SECOND)) {
        throw new Unusable(RejectReason.TOO_LONG, bytes + " bytes cannot be as short as prepare_conf.max_seconds "
            + config.maxSeconds() + "; cut it into utterances");
      }
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new Unusable(RejectReason.MISSING_WAV, "there is no such file");
    } catch (Unusable e) {
      throw e;
    } catch (IOException e) {
      throw new Unusable(RejectReason.UNREADABLE_WAV, e.toString());
    }
  }
}
