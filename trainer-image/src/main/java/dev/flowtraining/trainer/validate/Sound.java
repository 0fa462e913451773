package dev.flowtraining.trainer.validate;

import dev.flowtraining.trainer.audio.AudioFile;
import dev.flowtraining.trainer.audio.Waveform;
import dev.flowtraining.trainer.data.Unusable;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * What a recording is like.
 *
 * @param samples per channel
 * @param clipped part of the samples that stand in runs of three and more at full scale
 * @param silent part of its windows of 10 ms whose RMS is under −60 dB of full scale
 * @param content of the decoded samples, so that a copy in another container is the same
 */
record Sound(int rate, int channels, String encoding, int samples, float peak, double clipped, double silent, Content content) {
  private static final float FULL_SCALE = 0.999f;
  private static final int RUN = 3;
  private static final double SILENCE = 1e-3;

  /** The first 128 bits of a SHA-256. */
  record Content(long high, long low) {}

  static Sound of(byte[] file) throws Unusable {
    AudioFile audio = AudioFile.of(file);
    AudioFile.Info info = audio.info();
    Waveform wave = audio.decode();
    return new Sound(info.rate(), info.channels(), info.encoding(), info.samples(), wave.peak(),
        clipped(wave.samples()), silent(wave), content(wave));
  }

  double seconds() {
    return samples / (double) rate;
  }

  /** Peak in dB of full scale, at least −120. */
  double decibels() {
    return 20 * Math.log10(Math.max(peak, 1e-6));
  }

  private static double clipped(float[] samples) {
    int clipped = 0;
    int run = 0;
    for (float s : samples) {
      run = Math.abs(s) >= FULL_SCALE ? run + 1 : 0;
      clipped += run == RUN ? RUN : run > RUN ? 1 : 0;
    }
    return clipped / (double) samples.length;
  }

  private static double silent(Waveform wave) {
    int window = Math.max(1, wave.rate() / 100);
    int windows = Math.max(1, wave.samples().length / window);
    int silent = 0;
    for (int w = 0; w < windows; w++) {
      double squares = 0;
      int to = Math.min(wave.samples().length, (w + 1) * window);
      for (int i = w * window; i < to; i++) {
        squares += wave.samples()[i] * wave.samples()[i];
      }
      silent += Math.sqrt(squares / (to - w * window)) < SILENCE ? 1 : 0;
    }
    return silent / (double) windows;
  }

  private static Content content(Waveform wave) {
    ByteBuffer bytes = ByteBuffer.allocate(4 + 4 * wave.samples().length).putInt(wave.rate());
    bytes.asFloatBuffer().put(wave.samples());
    try {
      ByteBuffer digest = ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
      return new Content(digest.getLong(), digest.getLong());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
